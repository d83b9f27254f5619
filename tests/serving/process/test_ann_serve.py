"""`ann serve` as people run it: processes, signals, a registry whose alias moves under load."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.running import ONE, SERVE, Service, free_port
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def home(registered, tmp_path) -> Path:
    shutil.copy(registered / "mlflow.db", tmp_path)
    return tmp_path


@pytest.fixture
def serve(home) -> Iterator[Callable[..., Service]]:
    running = []

    def start(*options: str, **environment: str) -> Service:
        running.append(Service(home, *options, **environment).launch())
        return running[-1]

    yield start
    for service in running:
        service.kill()


def gone(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "zombie" in status.read_text()


def seconds_of_work(pid: int) -> float:
    """What a process has had of the processor so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def test_it_starts_from_the_registry_and_a_second_time_at_once_from_disk(serve):
    first = serve()
    wait_for(first.confirmed)
    assert first.stop() == 0
    second = serve()
    wait_for(lambda: second.ask("POST", "/predict", ONE)[0] == 200)
    (worker,) = second.workers()
    assert seconds_of_work(worker) < 2  # other programs may have the machine for a while
    wait_for(second.confirmed)


def test_terminated_it_finishes_what_is_under_way(serve):
    service = serve()
    wait_for(service.ready)
    connection = service.connect()
    connection.putrequest("POST", "/predict")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(ONE)))
    connection.endheaders(ONE[:100].encode())
    time.sleep(0.3)
    service.process.terminate()
    time.sleep(0.5)
    with pytest.raises(OSError):
        service.connect().connect()  # nothing new is taken
    connection.send(ONE[100:].encode())
    assert connection.getresponse().status == 200
    assert service.process.wait(10) == 0


def test_ctrl_c_ends_it_quietly(serve, home):
    service = serve()
    wait_for(service.ready)
    assert service.stop(signal.SIGINT) == 0
    assert "Traceback" not in (home / "serve.err").read_text()


def test_a_killed_worker_is_replaced_and_none_outlives_its_supervisor(serve):
    service = serve("--workers", "2")
    wait_for(service.ready)
    wait_for(lambda: len(service.workers()) == 2)
    victim = service.workers()[0]
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: len(set(service.workers()) - {victim}) == 2)
    for _ in range(20):
        wait_for(lambda: service.ask("POST", "/predict", ONE)[0] == 200, seconds=5)
    workers = service.workers()
    service.process.kill()
    service.process.wait()
    wait_for(lambda: all(gone(pid) for pid in workers))


def test_a_worker_that_does_not_respond_is_replaced(serve):
    service = serve("--workers", "2")
    wait_for(lambda: len(service.workers()) == 2)
    wait_for(service.ready)
    victim = service.workers()[0]
    os.kill(victim, signal.SIGSTOP)  # it lives, accepts connections and answers none
    wait_for(lambda: victim not in service.workers(), seconds=180)
    wait_for(lambda: len(service.workers()) == 2)
    for _ in range(20):
        wait_for(lambda: service.ask("POST", "/predict", ONE)[0] == 200, seconds=5)


def test_the_metrics_of_all_workers_are_summed(serve):
    service = serve("--workers", "2")
    wait_for(lambda: all(service.ready() for _ in range(20)))
    for _ in range(30):
        assert service.ask("POST", "/predict", ONE)[0] == 200
    all_of_them = 'ann_requests_total{route="predict",status="200"} 30.0'
    wait_for(lambda: all_of_them in service.ask("GET", "/metrics")[1], seconds=5)


def test_a_taken_port_is_reported_with_another(serve, home):
    service = serve()
    wait_for(service.ready)
    outcome = subprocess.run(
        [*SERVE, "--port", str(service.port)],
        env=os.environ | {"ANN_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert outcome.returncode == 2
    assert f"ann serve --port {service.port + 1}" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_with_the_registry_unavailable_it_serves_the_last_good_copy_and_says_so(serve, home):
    service = serve()
    wait_for(service.confirmed)
    service.stop()
    unavailable = serve(MLFLOW_TRACKING_URI=f"http://127.0.0.1:{free_port()}")
    wait_for(lambda: "cannot be reached" in (unavailable.ready().get("registry_error") or ""))
    status, answer = unavailable.ask("POST", "/predict", ONE)
    assert (status, answer["version"]) == (200, "1")
    assert "ann_registry_up 0.0" in unavailable.ask("GET", "/metrics")[1]


def test_with_neither_registry_nor_copy_it_waits_and_then_serves(registered, tmp_path, serve):
    (tmp_path / "mlflow.db").unlink()
    service = serve()
    wait_for(lambda: service.ask("GET", "/health/ready")[0] == 503)
    assert service.ask("POST", "/predict", ONE)[0] == 503
    shutil.copy(registered / "mlflow.db", tmp_path)
    wait_for(lambda: service.ask("POST", "/predict", ONE)[0] == 200)


def test_slow_senders_do_not_keep_others_waiting(serve):
    service = serve()
    wait_for(service.ready)
    slow = []
    for _ in range(100):
        sender = socket.create_connection(("127.0.0.1", service.port))
        sender.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n[")
        slow.append(sender)
    started = time.monotonic()
    assert service.ask("POST", "/predict", ONE)[0] == 200
    assert time.monotonic() - started < 1
    for sender in slow:
        sender.close()


@pytest.mark.parametrize(
    ("trusted", "client"), [("127.0.0.0/8", "203.0.113.9"), ("10.0.0.1", "127.0.0.1"), ("", None)]
)
def test_the_log_names_the_sender_whom_a_trusted_proxy_names(serve, trusted, client):
    service = serve(ANN_TRUSTED_PROXIES=trusted)
    wait_for(service.ready)
    headers = {"X-Forwarded-For": "203.0.113.9"}
    assert service.ask("POST", "/predict", ONE, headers)[0] == 200
    service.stop()
    (line,) = [line for line in service.log.read_text().splitlines() if "/predict" in line]
    assert f'"client":"{client or "127.0.0.1"}"' in line
