"""`ann export` and `ann import`: what a person and a program read; the whole way is in transfer."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import transfer
from pipelines.errors import WrongUse
from pipelines.registry.versions import Version
from pipelines.transfer import bundle, exporting, importing
from pipelines.transfer.importing import Imported

ROOT = Path(__file__).parents[3]
RUN = bundle.Run(
    id="r1",
    name="mnist_ann",
    status="FINISHED",
    start=1,
    end=2,
    params={},
    tags={},
    metrics=[],
    inputs=[],
)
MANIFEST = bundle.Manifest(
    experiment="x", question="", note="", run=RUN, models=[], versions=[], files={}
)


def pack(file: Path, status: str = "FINISHED") -> None:
    """A file of a run without artifacts; one that has not ended is refused."""
    empty = file.with_suffix("")
    empty.mkdir()
    run = RUN.model_copy(update={"status": status})
    bundle.pack(empty, MANIFEST.model_copy(update={"run": run}), file)


class Registry:
    """Judges every version as the first one."""

    def __init__(self) -> None:
        self.judged: list[str] = []

    def judge(self, version: Version) -> None:
        self.judged.append(str(version))

    def version(self, name: str, number: str) -> Version:
        if not self.judged:
            return Version(name, number, "r2", (), {})
        tags = {"decision": "promoted", "reasons": "There is no champion.\nIt is sound."}
        return Version(name, number, "r2", ("champion",), tags)


@pytest.fixture
def registry(monkeypatch, tmp_path) -> Registry:
    found = Registry()
    monkeypatch.chdir(tmp_path)
    pack(Path("a.zip"))
    monkeypatch.setattr(transfer, "_opened", lambda load: (SimpleNamespace(), found))
    return found


@pytest.fixture
def exported(registry, monkeypatch) -> list:
    """What was exported: a file of 2.5 MB each time."""
    asked = []

    def export(tracking, reg, subject: str, file: Path) -> bundle.Manifest:
        asked.append((reg, subject, file))
        file.write_bytes(bytes(2_500_000))
        versions = [
            bundle.Version(name="mnist-digits", number=n, model=0, aliases=[], tags={})
            for n in ("3", "4")
        ]
        return MANIFEST.model_copy(update={"versions": versions})

    monkeypatch.setattr(exporting, "export", export)
    return asked


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> None:
    """The current folder has the file that is imported."""
    (tmp_path / "here").mkdir()
    pack(tmp_path / "here" / "a.zip")
    monkeypatch.chdir(tmp_path / "here")


def imports(monkeypatch, new: bool = True, versions: int = 1) -> None:
    found = [Version("mnist-digits", str(n + 1), "r2", (), {}) for n in range(versions)]
    monkeypatch.setattr(importing, "import_file", lambda *_: Imported("r2", new, found))


def run(command, *words: str) -> Result:
    return CliRunner().invoke(command, words, catch_exceptions=False)


def test_what_was_exported_is_named_with_its_versions_and_size(exported, registry, tmp_path):
    file = tmp_path / "a.zip"
    result = run(transfer.export_run, "champion", str(file))
    assert exported == [(registry, "champion", file)]
    assert result.stdout == f"{file}: run r1 (mnist_ann), mnist-digits/3, mnist-digits/4, 2.5 MB\n"


def test_programs_read_of_an_export_the_same_as_json(exported, tmp_path):
    file = tmp_path / "a.zip"
    assert json.loads(run(transfer.export_run, "champion", str(file), "--json").stdout) == {
        "file": str(file),
        "run_id": "r1",
        "versions": ["mnist-digits/3", "mnist-digits/4"],
        "bytes": 2_500_000,
    }


def test_an_import_is_not_judged_and_says_how_it_would_be(registry, monkeypatch):
    imports(monkeypatch)
    result = run(transfer.import_run, "a.zip")
    assert result.stdout == "run r2\nmnist-digits version 1: undecided\n"
    assert result.stderr.startswith("ann: the gate was not run: import it again with --judge")
    assert registry.judged == []


def test_told_to_judge_the_gate_decides_on_every_version(registry, monkeypatch):
    imports(monkeypatch, versions=2)
    result = run(transfer.import_run, "a.zip", "--judge")
    assert registry.judged == ["mnist-digits version 1", "mnist-digits version 2"]
    assert result.stdout.splitlines()[1:4] == [
        "mnist-digits version 1 [champion]: promoted",
        "    There is no champion.",
        "    It is sound.",
    ]
    assert result.stderr == ""


def test_the_same_file_again_is_said_to_be_known(registry, monkeypatch):
    imports(monkeypatch, new=False, versions=0)
    result = run(transfer.import_run, "a.zip")
    assert result.stdout == "run r2\n"
    assert result.stderr == "ann: this file was imported before; nothing is imported twice.\n"


def test_programs_read_of_an_import_whether_it_is_new(registry, monkeypatch):
    for new in (True, False):
        imports(monkeypatch, new)
        result = run(transfer.import_run, "a.zip", "--judge", "--json")
        document = json.loads(result.stdout)
        assert (document["run_id"], document["new"]) == ("r2", new)
        assert document["versions"][0]["tags"]["decision"] == "promoted"
        assert result.stderr == ""


@pytest.mark.parametrize("command", [transfer.export_run, transfer.import_run])
def test_a_folder_is_no_file(registry, tmp_path, command):
    words = ["champion", str(tmp_path)] if command is transfer.export_run else [str(tmp_path)]
    result = run(command, *words)
    assert result.exit_code == 2
    assert "is a directory" in result.stderr


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (None, r"b\.zip is not there; name a file that `ann export` wrote"),
        (b"no file of ours", r"b\.zip cannot be imported: File is not a zip file"),
        (b"PK", r"b\.zip cannot be imported"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_before_a_store_is_made(
    tmp_path, monkeypatch, content, refusal
):
    monkeypatch.setattr(transfer, "_opened", lambda load: pytest.fail("a store was opened"))
    if content is not None:
        (tmp_path / "b.zip").write_bytes(content)
    with pytest.raises(WrongUse, match=refusal):
        run(transfer.import_run, str(tmp_path / "b.zip"))


def test_a_new_state_folder_is_made_without_lines_of_mlflow(tmp_path):
    """MLflow reads the environment when it is imported: the settings come first."""
    pack(tmp_path / "a.zip", "RUNNING")
    environ = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW")}
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "import", "a.zip"],
        cwd=tmp_path,
        env=environ | {"ANN_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (tmp_path / "home" / "mlflow.db").exists()
    assert "cannot be imported: its run is 'RUNNING', not ended" in done.stderr
    assert all(line.startswith("ann: ") for line in done.stderr.splitlines()), done.stderr
