"""Tables on any terminal: what other people wrote is printed as it is."""

import os
import subprocess
import sys

import pytest
from rich.table import Table
from rich.text import Text

from pipelines.cli.terminal import print_table


@pytest.mark.parametrize("columns", ["200", "12"])
def test_brackets_in_a_table_are_shown_as_they_are(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    table = Table("[old]", "file", "", box=None)
    table.add_row("[/tmp]", "[bold]x[/bold] :warning:", Text("✓", "green"))
    print_table(table)
    printed = capsys.readouterr().out
    assert all(text in printed for text in ("[old]", "[/tmp]", "[bold]x[/bold] :warning:", "✓")[1:])
    assert "[old]" in printed or columns == "12"  # narrow, the first column has no head


@pytest.mark.parametrize(
    ("encoding", "printed"),
    [("ascii", b"ok ... ?\n"), ("latin-1", b"ok ... \xe9\n"), ("utf-8", "✓ … é\n".encode())],
)
def test_what_an_encoding_lacks_is_replaced_where_click_prints(encoding, printed):
    code = (
        "import click; from pipelines.cli.terminal import accept_any_encoding\n"
        "accept_any_encoding(); click.echo('✓ … é'); click.echo('✓ … é', err=True)"
    )
    environ = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True)
    assert (done.stdout, done.stderr) == (printed, printed)
