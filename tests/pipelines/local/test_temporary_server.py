"""Prefect's server for one command: it outlives Ctrl-C, and never the command."""

import os
import signal
import subprocess
import sys
import time
from urllib.request import urlopen

import pytest

COMMAND = """
import os
from pipelines import settings
from pipelines.local import temporary_server
temporary_server.start(settings.load())
print(os.environ["PREFECT_API_URL"], flush=True)
signal = __import__("signal")
signal.signal(signal.SIGINT, lambda *_: print("interrupted", flush=True))
input()
"""


@pytest.fixture
def command(tmp_path):
    """A process that has started a server, as the head of its own group."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND],
        env=os.environ | {"ANN_HOME": str(tmp_path), "PREFECT_HOME": str(tmp_path / "prefect")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield process
    process.kill()
    process.communicate(timeout=10)


def health(url: str, timeout: float) -> int | None:
    """The server's answer; None if nobody listens."""
    try:
        with urlopen(f"{url}/health", timeout=timeout) as answer:
            return answer.status
    except OSError:
        return None


def test_who_asks_early_waits_ctrl_c_is_survived_and_kill_9_leaves_nothing(command):
    url = command.stdout.readline().strip()
    assert url.startswith("http://127.0.0.1:")
    assert health(url, timeout=120) == 200  # it listens at once, and answers when it is ready

    os.killpg(command.pid, signal.SIGINT)  # what a terminal does on Ctrl-C
    assert command.stdout.readline() == "interrupted\n"
    assert health(url, timeout=30) == 200

    command.kill()
    deadline = time.monotonic() + 30
    while health(url, timeout=1) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert health(url, timeout=1) is None


SEVERAL = """
import os
from urllib.request import urlopen
from pipelines import settings
from pipelines.local import temporary_server
loaded = settings.load()
settings.export(loaded)
temporary_server.start(loaded)
print(urlopen(os.environ["PREFECT_API_URL"] + "/health", timeout=120).read().decode(), flush=True)
"""


@pytest.mark.slow
def test_two_that_start_at_once_in_a_new_state_folder_both_answer(tmp_path):
    environ = os.environ | {"ANN_HOME": str(tmp_path)}
    commands = [
        subprocess.Popen(
            [sys.executable, "-c", SEVERAL], env=environ, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    assert [command.communicate(timeout=180)[0] for command in commands] == ["true\n", "true\n"]
