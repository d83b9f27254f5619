"""What other commands know of a running `ann up`: a file in the state folder."""

import json
from types import SimpleNamespace

import pytest

from pipelines import settings
from pipelines.local import status
from pipelines.local.services import DIGITS, MLFLOW, PREFECT, Endpoint, Ports
from pipelines.local.supervisor import Health, State
from pipelines.settings import Settings

URL = "http://127.0.0.1:4201/api"
PORTS = Ports(mlflow=5001, prefect=4201, digits=8001)


@pytest.fixture
def home(tmp_path) -> Settings:
    return settings.load({"ANN_HOME": str(tmp_path)})


@pytest.fixture
def probed(monkeypatch) -> list[tuple[str, float]]:
    """Probes that find every service healthy; which were asked, with the time of the start."""
    asked: list[tuple[str, float]] = []

    def endpoints(settings: Settings, ports: Ports) -> list[Endpoint]:
        def endpoint(name: str, port: int, managed: bool) -> Endpoint:
            def probe(started: float) -> Health:
                asked.append((name, started))
                return Health(True, "answers")

            return Endpoint(name, f"http://127.0.0.1:{port}", probe, managed)

        names = ((MLFLOW, ports.mlflow), (PREFECT, ports.prefect), (DIGITS, ports.digits))
        return [endpoint(name, port, name != MLFLOW) for name, port in names]

    monkeypatch.setattr(status, "endpoints", endpoints)
    return asked


def states() -> dict[str, State]:
    waiting = State()
    waiting.health = Health(False, "waits for Prefect")
    return {PREFECT: State(pid=7, started=12.5, starts=3), DIGITS: waiting}


def test_without_ann_up_nothing_is_recorded(home):
    assert status.read_state(home) is None
    assert not status.is_up(home)
    assert status.prefect_of_running_stack(home) is None


def test_what_ann_up_recorded_is_read_while_it_lives(home, monkeypatch):
    status.write_state(home, PORTS, states())
    assert status.is_up(home)
    assert status.read_state(home)["prefect_api_url"] == URL
    assert status.read_state(home)["states"][PREFECT] == {"pid": 7, "started": 12.5, "starts": 3}
    monkeypatch.setattr(status, "has_ended", lambda process: True)
    assert not status.is_up(home)


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", '{"pid": 7}'])
def test_a_file_that_cannot_be_read_is_no_running_stack(home, content):
    status.state_file(home).write_text(content)
    assert status.read_state(home) is None


def test_a_prefect_server_of_the_environment_is_recorded_as_it_is(tmp_path):
    environ = {"ANN_HOME": str(tmp_path), "PREFECT_API_URL": "http://prefect:4200/api"}
    found = settings.load(environ)
    status.write_state(found, Ports(), {})
    assert json.loads(status.state_file(found).read_text())["prefect_api_url"] == (
        "http://prefect:4200/api"
    )


def test_without_ann_up_its_services_are_not_started_and_others_are_probed(home, probed):
    mlflow, prefect, digits = status.status(home)
    assert (mlflow.healthy, mlflow.message, mlflow.address) == (
        True,
        "answers",
        "http://127.0.0.1:5000",
    )
    assert (prefect.healthy, prefect.message, prefect.pid) == (False, status.NOT_STARTED, None)
    assert (digits.healthy, digits.restarts) == (False, 0)
    assert probed == [(MLFLOW, State().started)]


def test_with_ann_up_what_runs_is_probed_and_what_waits_says_why(home, probed):
    status.write_state(home, PORTS, states())
    probed.clear()
    _, prefect, digits = status.status(home)
    assert (prefect.healthy, prefect.pid, prefect.restarts) == (True, 7, 2)
    assert prefect.address == "http://127.0.0.1:4201"
    assert (digits.healthy, digits.message, digits.restarts) == (False, "waits for Prefect", 0)
    assert (PREFECT, 12.5) in probed
    assert DIGITS not in dict(probed)


@pytest.mark.parametrize("healthy", [True, False])
def test_prefect_of_a_running_stack_is_used_if_it_answers(home, monkeypatch, healthy):
    monkeypatch.setattr(
        status.probes, "prefect", lambda url, seconds=0: lambda started: Health(healthy, url)
    )
    started = []
    monkeypatch.setattr(
        status, "temporary_server", SimpleNamespace(start=lambda *given: started.append(given))
    )
    status.write_state(home, PORTS, {})
    environ: dict[str, str] = {}
    assert status.prefect_of_running_stack(home) == (URL if healthy else None)
    assert status.reach_prefect(home, environ) is healthy
    assert environ == ({"PREFECT_API_URL": URL} if healthy else {})
    assert started == ([] if healthy else [(home, environ)])


def test_prefect_of_the_environment_comes_before_that_of_ann_up(tmp_path):
    url = "http://prefect:4200/api"
    found = settings.load({"ANN_HOME": str(tmp_path), "PREFECT_API_URL": url})
    status.write_state(settings.load({"ANN_HOME": str(tmp_path)}), PORTS, {})
    environ: dict[str, str] = {}
    assert status.reach_prefect(found, environ)
    assert environ["PREFECT_API_URL"] == url


def test_a_copy_of_a_state_folder_does_not_use_the_originals_services(home, tmp_path):
    status.write_state(home, PORTS, {})
    copy = settings.load({"ANN_HOME": str(tmp_path / "copy")})
    status.state_file(copy).write_bytes(status.state_file(home).read_bytes())
    assert status.is_up(home)
    assert not status.is_up(copy)
    assert status.prefect_of_running_stack(copy) is None


def test_a_state_folder_is_the_same_by_way_of_a_link(home, tmp_path):
    (tmp_path / "link").symlink_to(home.home)
    status.write_state(home, PORTS, {})
    assert status.is_up(settings.load({"ANN_HOME": str(tmp_path / "link")}))


def test_an_ann_up_of_an_earlier_version_is_recognised(home):
    status.write_state(home, PORTS, states())
    document = json.loads(status.state_file(home).read_text())
    del document["home"]
    status.state_file(home).write_text(json.dumps(document))
    assert status.is_up(home)
