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


@pytest.mark.parametrize("closed", ["<&- >&-", ">&-", ">&- 2>&-"])
def test_a_closed_stream_is_no_error_and_no_files_descriptor(closed):
    descriptors = "import os, sys; sys.exit(min(os.open(os.devnull, 0), 3) - 3)"  # of a child
    code = (
        "import click, subprocess, sys; from rich.table import Table\n"
        "from pipelines.cli.terminal import accept_any_encoding, open_closed_streams, print_table\n"
        "open_closed_streams(); accept_any_encoding()\n"
        "print_table(Table('name')); click.echo('✓'); click.echo('✓', err=True)\n"
        f"sys.exit(subprocess.run([sys.executable, '-c', {descriptors!r}]).returncode)"
    )
    shell = f'exec "$0" -c "$1" {closed}'
    done = subprocess.run(["sh", "-c", shell, sys.executable, code], capture_output=True)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"Error" not in done.stderr


def test_a_table_is_printed_to_a_closed_stream(tmp_path):
    shell = 'exec "$0" -m pipelines.cli list >&-'
    done = subprocess.run(["sh", "-c", shell, sys.executable], capture_output=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
