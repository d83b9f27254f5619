"""`ann serve`: every mistake is one true line and exit code 2; any free port, any address."""

import os
import re
import socket
import subprocess
import sys
import urllib.request

import pytest

SERVE = [sys.executable, "-m", "pipelines.cli", "serve"]


@pytest.mark.parametrize(
    ("options", "variable", "message"),
    [
        (["--host", "no-such-host.invalid"], {}, "'no-such-host.invalid' is not an address"),
        (["--host", ""], {}, "'' is not an address of this machine"),
        (["--host", "10.255.255.1"], {}, "'10.255.255.1' is not an address of this machine"),
        ([], {"MLFLOW_TRACKING_URI": "foo"}, "MLFLOW_TRACKING_URI is 'foo'"),
        ([], {"ANN_FEEDBACK_URL": "foo"}, "ANN_FEEDBACK_URL begins with 'foo'"),
        ([], {"ANN_HOME": __file__}, "ANN_HOME is "),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(options, variable, message, tmp_path):
    environ = os.environ | {"ANN_HOME": str(tmp_path)} | variable
    done = subprocess.run(
        [*SERVE, *options], env=environ, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_taken_port_is_one_line_with_another(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [*SERVE, "--port", str(port)],
            env=os.environ | {"ANN_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=200,
        )
    assert done.returncode == 2
    assert f"127.0.0.1 port {port} cannot be listened on (Address already in use)" in done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_port_0_is_a_free_port_whose_address_can_be_opened(host, tmp_path):
    process = subprocess.Popen(
        [*SERVE, "--host", host, "--port", "0"],
        env=os.environ | {"ANN_HOME": str(tmp_path)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stderr
        found = re.search(r"http://\S+:[1-9]\d*", process.stderr.readline())
        assert found
        with urllib.request.urlopen(f"{found[0]}/health/live", timeout=60) as answer:
            assert answer.status == 200
    finally:
        process.terminate()
        process.wait(timeout=60)
        process.stderr.close()
