"""Commands that only read answer at once: what takes seconds to import stays out."""

import json
import subprocess
import sys

import pytest

HEAVY = ("mlflow", "sqlalchemy", "prefect", "tensorflow", "keras", "matplotlib", "pandas")
SCRIPT = """
import json, sys
from pipelines.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(json.dumps([name for name in {heavy} if name in sys.modules]))
"""


def imported_by(*arguments: str, home) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(heavy=HEAVY), *arguments],
        capture_output=True,
        text=True,
        env={"ANN_HOME": str(home), "PYTHONPATH": ":".join(sys.path), "ANN_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "command",
    [
        *(["models"], ["models", "history"], ["compare"], ["leaderboard"], ["status"]),
        ["predict", "tests/nothing.png"],
        ["models", "--name", "no such name"],
    ],
    ids=" ".join,
)
def test_a_command_that_only_reads_imports_nothing_heavy(store, command):
    assert imported_by(*command, home=store.settings.home) == []


@pytest.mark.parametrize("command", ["models", "compare", "leaderboard"])
def test_a_command_that_only_reads_makes_no_store(tmp_path, command):
    assert imported_by(command, home=tmp_path / "new") == []
    assert not (tmp_path / "new" / "mlflow.db").exists()
