"""What `ann up` would start, where, what it reports when it cannot, and how it ends."""

import errno
import fcntl
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import termios

import psutil
import pytest

from pipelines import settings
from pipelines.errors import PipelineError, WrongUse
from pipelines.local import process_tags, stack, status
from pipelines.local.log import ServiceLog
from pipelines.local.services import Ports, endpoints
from pipelines.local.supervisor import Health, State


def load(tmp_path, **environ: str) -> settings.Settings:
    return settings.load({"ANN_HOME": str(tmp_path / "home"), **environ})


def plan(loaded, environ=None):
    return {s.name: s for s in stack.services(loaded, Ports(5901, 4901, 8901), environ or {})}


def test_everything_is_started_where_nothing_is(tmp_path):
    planned = plan(load(tmp_path))
    assert [*planned] == ["MLflow", "Prefect", "schedules", "digits"]
    assert planned["schedules"].depends_on == ("MLflow", "Prefect")
    assert planned["digits"].depends_on == ("MLflow",)
    commands = {name: " ".join(service.command) for name, service in planned.items()}
    assert "--host 127.0.0.1 --port 5901 mlflow.server" in commands["MLflow"]
    assert "prefect server start --host 127.0.0.1 --port 4901" in commands["Prefect"]
    assert commands["digits"].endswith("serve --port 8901")


def test_servers_that_the_environment_names_are_used_and_not_started(tmp_path):
    servers = {
        "MLFLOW_TRACKING_URI": "http://mlflow:5000/",
        "PREFECT_API_URL": "http://prefect:4200/api",
    }
    loaded = load(tmp_path, **servers)
    planned = plan(loaded)
    assert [*planned] == ["schedules", "digits"]
    assert planned["schedules"].depends_on == planned["digits"].depends_on == ()
    assert planned["schedules"].environment["PREFECT_API_URL"] == "http://prefect:4200/api"
    assert planned["digits"].environment["ANN_MLFLOW_UI"] == "http://mlflow:5000"
    addresses = {place.name: place.address for place in endpoints(loaded, Ports())}
    assert addresses["MLflow"] == "http://mlflow:5000"
    assert addresses["Prefect"] == "http://prefect:4200"


@pytest.mark.parametrize(
    ("environ", "address"),
    [
        ({}, "http://127.0.0.1:5901"),
        ({"ANN_MLFLOW_UI": ""}, "http://127.0.0.1:5901"),
        ({"ANN_MLFLOW_UI": "https://ml.example"}, "https://ml.example"),
    ],
)
def test_runs_and_the_digit_service_link_to_where_people_open_mlflow(tmp_path, environ, address):
    planned = plan(load(tmp_path), environ)
    for name in ("schedules", "digits"):
        linked = planned[name].environment
        assert linked["ANN_MLFLOW_UI"] == settings.ui_address(load(tmp_path), linked) == address


def test_a_database_that_the_environment_names_gets_a_server(tmp_path):
    planned = plan(load(tmp_path, MLFLOW_TRACKING_URI="sqlite:////elsewhere/runs.db"))
    store = planned["MLflow"].environment["_MLFLOW_SERVER_FILE_STORE"]
    assert store == "sqlite:////elsewhere/runs.db"


def test_no_mlflow_jobs_and_leases_that_outlive_a_restart(tmp_path):
    planned = plan(load(tmp_path))
    assert planned["MLflow"].environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    storage = planned["Prefect"].environment["PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"]
    assert storage.endswith("filesystem")


def test_paths_hold_in_whatever_folder_a_run_starts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    planned = plan(load(tmp_path), {"ANN_MNIST_PATH": "data/mnist.npz"})
    path = planned["schedules"].environment["ANN_MNIST_PATH"]
    assert path == str(tmp_path / "data/mnist.npz")


def test_a_taken_port_is_named_with_who_holds_it_and_what_to_do(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(WrongUse) as refused:
            stack.run(load(tmp_path), Ports(mlflow=port), lambda *_: None, lambda _: None)
    sentence = str(refused.value)
    assert f"port {port} is taken by another program (process {os.getpid()}, `" in sentence
    assert "MLflow needs one. End that program, or choose another port: `ann up --ml" in sentence


@pytest.mark.parametrize(
    ("at", "sentence"),
    [
        (
            Ports(mlflow=15005, digits=15005),
            "MLflow and digits cannot both have port 15005; .*: `ann up --mlflow-port` or `ann up",
        ),
        (Ports(mlflow=4200), "MLflow and Prefect cannot both have port 4200"),
        (Ports(prefect=8000), "Prefect and digits cannot both have port 8000"),
    ],
)
def test_a_port_that_is_named_twice_is_refused_before_anything_starts(tmp_path, at, sentence):
    with pytest.raises(WrongUse, match=sentence):
        stack.run(load(tmp_path), at, lambda *_: None, lambda _: None)
    assert not [*(tmp_path / "home").iterdir()]


def test_the_port_of_the_metrics_is_checked_as_the_others(tmp_path, monkeypatch):
    monkeypatch.setenv("ANN_METRICS_PORT", "8000")
    said = "digits and the worker's metrics cannot both have port 8000; .* or `ANN_METRICS_PORT=`"
    with pytest.raises(WrongUse, match=said):
        stack.run(load(tmp_path), Ports(), lambda *_: None, lambda _: None)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv("ANN_METRICS_PORT", str(port))
        monkeypatch.setattr(stack, "PORTS", {})  # those of this machine may be taken
        with pytest.raises(WrongUse, match=rf"port {port} is taken .*`ANN_METRICS_PORT=\d+`"):
            stack.run(load(tmp_path), Ports(), lambda *_: None, lambda _: None)


def test_a_wrong_setting_of_prefect_is_refused_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_API_REQUEST_TIMEOUT", "abc")
    with pytest.raises(WrongUse, match=r"^PREFECT_API_REQUEST_TIMEOUT is 'abc'\. Input should be"):
        stack.run(load(tmp_path), Ports(5901, 4901, 8901), lambda *_: None, lambda _: None)
    assert not (tmp_path / "home" / "mlflow.db").exists()


def test_a_store_that_cannot_be_made_is_said_in_one_line(tmp_path):
    (tmp_path / "home" / "mlflow.lock").mkdir(parents=True)
    with pytest.raises(PipelineError, match=r"Is a directory: .*mlflow\.lock") as raised:
        stack._make_store(load(tmp_path))
    assert "Traceback" not in str(raised.value)


def test_a_process_that_ends_before_it_can_say_why_is_reported():
    assert stack._fault("import os; os._exit(3)") == "exit code 3"


def test_what_a_library_prints_is_no_fault_and_hides_none():
    noise = "import sys; print('to stdout'); print('to stderr', file=sys.stderr)"
    assert stack._fault(noise) == ""
    assert stack._fault(f"{noise}; raise OSError('no room')") == "no room"


def test_there_is_one_for_a_state_folder(tmp_path):
    loaded = load(tmp_path)
    with stack._only_one(loaded), pytest.raises(WrongUse, match=r"runs already for .*home"):
        stack.run(loaded, Ports(), lambda *_: None, lambda _: None)


def test_nothing_runs_until_it_is_started(tmp_path):
    loaded = load(tmp_path)
    assert not status.is_up(loaded)
    assert {part.message for part in status.status(loaded)} == {"not started: `ann up`"}
    assert not any(part.healthy for part in status.status(loaded))


def test_what_runs_is_read_from_the_file_of_a_running_process(tmp_path):
    loaded = load(tmp_path)
    states = {"MLflow": State(pid=None, starts=3, health=Health(False, "ended by signal 9"))}
    status.write_state(loaded, Ports(mlflow=5901), states)
    assert status.is_up(loaded)
    mlflow = status.status(loaded)[0]
    assert (mlflow.address, mlflow.message) == ("http://127.0.0.1:5901", "ended by signal 9")
    assert mlflow.restarts == 2


@pytest.mark.parametrize(
    "content",
    ["", "[1]", json.dumps({"pid": os.getpid(), "process": f"{socket.gethostname()} 1@0.0"})],
    ids=["empty", "foreign", "of an earlier process with the same number"],
)
def test_the_file_of_a_process_that_has_ended_counts_as_none(tmp_path, content):
    loaded = load(tmp_path)
    status.state_file(loaded).write_text(content)
    assert not status.is_up(loaded)
    assert status.prefect_of_running_stack(loaded) is None


def test_a_run_uses_the_prefect_server_of_the_environment_before_any_other(tmp_path):
    environ: dict[str, str] = {}
    loaded = load(tmp_path, PREFECT_API_URL="http://prefect:4200/api")
    assert status.reach_prefect(loaded, environ)
    assert environ["PREFECT_API_URL"] == "http://prefect:4200/api"


def test_a_run_uses_the_prefect_server_beside_it_only_if_that_answers(tmp_path, monkeypatch):
    loaded = load(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    status.write_state(loaded, Ports(prefect=port), {})
    assert status.prefect_of_running_stack(loaded) is None

    answering = lambda url, seconds: lambda started: Health(True)  # noqa: E731
    monkeypatch.setattr(status.probes, "prefect", answering)
    environ: dict[str, str] = {}
    assert status.reach_prefect(loaded, environ)
    assert environ["PREFECT_API_URL"] == f"http://127.0.0.1:{port}/api"


# --- how it ends ----------------------------------------------------------------------------------

UP = """
import sys
from pipelines.local import stack
from pipelines.local.supervisor import Health, Service
sleeper = [sys.executable, "-c", "import time; print('on', flush=True); time.sleep(600)"]
stack.services = lambda *_: [Service("sleeper", sleeper, lambda started: Health(True))]
stack.ports.check_free = lambda *_: None
from pipelines.cli.main import main
main(["up"])
"""


@pytest.fixture
def on_a_terminal(tmp_path):
    """`ann up` with one small service, at the head of a terminal's session; the terminal."""
    terminal, end = pty.openpty()

    def take_terminal() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        [sys.executable, "-c", UP],
        env=os.environ | {"ANN_HOME": str(tmp_path)},
        stdin=end,
        stdout=end,
        stderr=end,
        preexec_fn=take_terminal,
    )
    os.close(end)
    shown = b""
    while b"sleeper" not in shown:
        shown += os.read(terminal, 4096)
    yield process, terminal
    process.kill()
    process.wait()
    process_tags.terminate_orphans(str(tmp_path))


def test_a_closed_terminal_ends_it_and_its_services(on_a_terminal, tmp_path):
    process, terminal = on_a_terminal
    os.close(terminal)
    process.wait(timeout=60)
    assert not [*process_tags.tagged(str(tmp_path))]
    assert " ann       ending; " in (tmp_path / "up.log").read_text()


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, signal.SIGINT, pytest.param(signal.SIGHUP, marks=pytest.mark.slow)],
)
def test_signals_end_it_and_its_services(on_a_terminal, tmp_path, number):
    process, terminal = on_a_terminal
    process.send_signal(number)
    process.send_signal(number)  # twice is no different
    assert process.wait(timeout=60) == 0
    os.close(terminal)
    assert not [*process_tags.tagged(str(tmp_path))]
    assert not (tmp_path / "up.json").exists()


# --- the log --------------------------------------------------------------------------------------


@pytest.fixture
def shown():
    return []


@pytest.fixture
def log(tmp_path, shown):
    return ServiceLog(tmp_path / "up.log", lambda name, line: shown.append((name, line)))


def test_every_line_is_kept_behind_its_time_and_service(log, tmp_path, shown):
    log("MLflow", "serving")
    assert shown == [("MLflow", "serving")]
    assert (tmp_path / "up.log").read_text().endswith(" MLflow    serving\n")


def test_the_terminal_is_spared_tracebacks_requests_and_banners(log, tmp_path, shown):
    lines = [
        "Traceback (most recent call last):",
        '  File "a.py", line 1',
        "sqlite3.OperationalError: database is locked",
        '{"path": "/predict"}',
        " ___ ___",
        "",
        "00:15:08 | INFO | going on",
    ]
    for line in lines:
        log("Prefect", line)
    log("digits", "undisturbed")
    assert shown == [("Prefect", "00:15:08 | INFO | going on"), ("digits", "undisturbed")]
    assert "database is locked" in (tmp_path / "up.log").read_text()


def test_when_the_terminal_is_closed_the_file_still_gets_every_line(tmp_path):
    def closed(name: str, line: str) -> None:
        raise OSError(errno.EIO, "Input/output error")

    log = ServiceLog(tmp_path / "up.log", closed)
    log("MLflow", "the first line")
    log("MLflow", "the second line")
    assert (tmp_path / "up.log").read_text().count("MLflow") == 2


def test_a_long_log_is_put_aside(log, tmp_path, monkeypatch):
    monkeypatch.setattr(ServiceLog, "LARGEST", 10)
    log("MLflow", "the first line")
    log("MLflow", "the second line")
    assert "first" in (tmp_path / "up.log.1").read_text()
    assert "first" not in (tmp_path / "up.log").read_text()
    assert "second" in (tmp_path / "up.log").read_text()


def test_the_file_names_its_process(tmp_path):
    loaded = load(tmp_path)
    status.write_state(loaded, Ports(), {})
    assert status.read_state(loaded)["pid"] == psutil.Process().pid
