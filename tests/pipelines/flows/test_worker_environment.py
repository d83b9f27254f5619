"""What workers get of this process's environment, and what they keep of it: nothing."""

import os
import socket

import pytest

from pipelines import settings
from pipelines.flows import reproducibility
from pipelines.flows.worker_environment import WorkerEnvironment


@pytest.fixture
def here(tmp_path, monkeypatch) -> settings.Settings:
    for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL", *reproducibility.THREADS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANN_HOME", str(tmp_path / "home"))
    return settings.load()


def test_settings_credentials_of_mlflow_and_the_number_of_threads_are_sent(here, monkeypatch):
    sent = {
        "MLFLOW_TRACKING_URI": "http://tracking:5000",
        "MLFLOW_TRACKING_TOKEN": "needed to log runs",
        "ANN_MNIST_PATH": "/data/mnist.npz",
        "ANN_OFFLINE": "1",
        "TF_NUM_INTRAOP_THREADS": "3",
    }
    for name, value in sent.items():
        monkeypatch.setenv(name, value)
    variables = WorkerEnvironment.of_this_process(here).variables
    assert sent.items() <= variables.items()
    assert variables["ANN_HOME"] == str(here.home)
    assert int(variables["TF_NUM_INTEROP_THREADS"]) >= 1


@pytest.mark.parametrize(
    "name",
    [
        "ANN_API_KEY",
        "ANN_WEBHOOK_SECRET",
        "ANN_FEEDBACK_URL",
        "ANN_ANYTHING_NEW",
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "EDITOR",
    ],
)
def test_nothing_else_is_sent(here, monkeypatch, name):
    monkeypatch.setenv(name, "postgresql://ann:secret@db/feedback")
    sent = WorkerEnvironment.of_this_process(here).variables
    assert name not in sent
    assert "secret" not in str(sent)


def test_a_workers_environment_is_afterwards_as_it_was(here, tmp_path, monkeypatch):
    monkeypatch.setenv("ANN_MNIST_PATH", "/its/own.npz")
    monkeypatch.delenv("PREFECT_HOME", raising=False)
    before = dict(os.environ)
    sent = {"ANN_HOME": str(tmp_path / "other"), "MLFLOW_TRACKING_TOKEN": "secret"}
    with (
        pytest.raises(RuntimeError),
        WorkerEnvironment(socket.gethostname(), sent).applied() as applied,
    ):
        assert applied.home == tmp_path / "other"
        assert os.environ["MLFLOW_TRACKING_TOKEN"] == "secret"
        assert os.environ["PREFECT_HOME"] == str(tmp_path / "other" / "prefect")
        raise RuntimeError("the variant failed")
    assert dict(os.environ) == before


def test_a_worker_on_another_machine_keeps_the_folders_that_it_was_given(here):
    sent = {"ANN_HOME": "/not/on/this/machine", "ANN_OFFLINE": "1"}
    with WorkerEnvironment("elsewhere", sent).applied() as applied:
        assert applied.home == here.home
        assert os.environ["ANN_OFFLINE"] == "1"
