"""`ann up`, `ann status` and `ann ui`: what is asked for, and what is shown."""

import errno
import json
from pathlib import Path

import pytest

from pipelines.cli import up as command
from pipelines.local import mlflow_ui, stack
from pipelines.local import status as local
from pipelines.local.services import Ports
from pipelines.local.status import ServiceStatus

HEALTHY = ServiceStatus("MLflow", "http://127.0.0.1:5000", True, "answers", 7, 0)
ENDED = ServiceStatus("Prefect", "http://127.0.0.1:4200", False, "does not answer", None, 2)


@pytest.fixture
def asked(monkeypatch) -> list:
    """The ports that `ann up` asked for; it writes a line and ends at once."""
    found = []

    def run(settings, ports, log, show):
        found.append(ports)
        log("MLflow", "listening")
        show([HEALTHY])

    monkeypatch.setattr(stack, "run", run)
    return found


@pytest.mark.parametrize(
    ("words", "ports"),
    [
        ([], (5000, 4200, 8000)),
        (["--mlflow-port", "5001", "--prefect-port", "4201", "--port", "8001"], (5001, 4201, 8001)),
        (["--mlflow-port", "1", "--port", "65535"], (1, 4200, 65535)),
    ],
)
def test_the_services_get_the_ports_that_are_asked_for(ann, asked, words, ports):
    assert ann("up", *words).exit_code == 0
    assert asked == [Ports(*ports)]


@pytest.mark.parametrize("option", ["--mlflow-port", "--prefect-port", "--port"])
@pytest.mark.parametrize("number", ["0", "65536", "http"])
def test_what_is_no_port_is_wrong_use(ann, asked, option, number):
    assert ann("up", option, number).exit_code == 2
    assert asked == []


def test_the_status_is_shown_though_the_store_cannot_be_opened(ann, tmp_path):
    (tmp_path / "home" / "mlflow.db").mkdir(parents=True)
    answer = ann("status")
    assert "not started: `ann up`" in answer.stdout
    assert answer.stderr == ""


def test_the_status_is_shown_though_the_state_folder_cannot_be_written(ann, tmp_path, monkeypatch):
    def refuse(path, *_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "touch", refuse)
    monkeypatch.setattr(Path, "mkdir", refuse)
    answer = ann("status")
    assert "not started: `ann up`" in answer.stdout
    assert answer.stderr == ""
    assert not (tmp_path / "home").exists()


def test_a_state_that_another_user_keeps_is_not_said_to_be_none(ann, monkeypatch):
    read = Path.read_text

    def refuse(path, *arguments, **options):
        if path.name == "up.json":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read(path, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", refuse)
    answer = ann("status")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert "up.json. Change its owner or its permissions" in answer.stderr


def test_every_line_is_shown_behind_its_services_name_and_kept(ann, asked, tmp_path):
    result = ann("up")
    log = tmp_path / "home" / "up.log"
    assert "MLflow    listening\n" in result.stdout
    assert "listening" in log.read_text()
    assert f"every line is kept in {log}" in result.stderr
    assert result.stderr.endswith("all services have ended.\n")


@pytest.fixture
def parts(monkeypatch) -> list[ServiceStatus]:
    found = [HEALTHY]
    monkeypatch.setattr(local, "status", lambda settings: found)
    monkeypatch.setattr(local, "is_up", lambda settings: True)
    return found


def test_the_status_of_healthy_services_is_a_table_and_code_0(ann, parts):
    result = ann("status")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].split() == [
        *("MLflow", "http://127.0.0.1:5000", "✓", "answers")
    ]


def test_one_that_is_not_healthy_is_code_1_and_its_restarts_are_counted(ann, parts):
    parts.append(ENDED)
    result = ann("status")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert "✗" in lines[2]
    assert lines[2].endswith("does not answer (restarted 2 times)")
    assert "restarted" not in lines[1]


@pytest.mark.parametrize(("more", "code"), [([], 0), ([ENDED], 1)])
def test_programs_read_the_status_as_json_with_the_same_code(ann, parts, more, code):
    parts += more
    result = ann("status", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == code
    assert document["up"] is True
    assert [part["name"] for part in document["services"]] == ["MLflow", "Prefect"][: code + 1]


@pytest.mark.parametrize(("words", "port"), [([], 5000), (["--port", "5001"], 5001)])
def test_mlflows_pages_are_served_on_the_port_that_is_asked_for(ann, monkeypatch, words, port):
    asked = []
    monkeypatch.setattr(mlflow_ui, "serve", lambda settings, port: asked.append(port))
    assert ann("ui", *words).exit_code == 0
    assert asked == [port]


def test_each_service_has_a_colour_of_its_own(capsys):
    assert len(set(command.COLOURS.values())) == len(command.COLOURS)
    command._show_line("digit service", "ready")
    assert capsys.readouterr().out == "digit service ready\n"
