"""What the doctor finds of this machine, and that every missing thing comes with what to do."""

import os
import shutil
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest
from mlflow import MlflowClient

from pipelines.maintenance import doctor
from pipelines.maintenance.doctor import Finding
from tests.support.diagnoses import diagnose, only

pytestmark = pytest.mark.usefixtures("bare_environment")

MNIST_PATH = os.environ.get("ANN_MNIST_PATH", "")


def test_a_new_machine_lacks_mnist_and_a_champion_and_hears_how_to_get_them(tmp_path):
    found = diagnose(tmp_path)
    assert [subject for subject, finding in found.items() if not finding.healthy] == [
        "MNIST",
        "champion",
    ]
    assert "a run downloads it" in found["MNIST"].message
    assert "ANN_MNIST_PATH" in found["MNIST"].message
    assert "`ann run`" in found["champion"].message


def test_nothing_is_downloaded_and_no_server_is_started(tmp_path, monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("the doctor only reads")

    monkeypatch.delenv("ANN_OFFLINE")
    monkeypatch.setattr("ann_models.digits.mnist._download", forbidden)
    monkeypatch.setattr("subprocess.Popen", forbidden)
    diagnose(tmp_path)


def test_a_wrong_path_to_mnist_is_distinguished_from_none(tmp_path, monkeypatch):
    monkeypatch.setenv("ANN_MNIST_PATH", str(tmp_path / "nothing.npz"))
    finding = only(doctor._mnist, tmp_path)
    assert not finding.healthy
    assert "ANN_MNIST_PATH does not lead to MNIST" in finding.message
    assert "nothing.npz" in finding.message


@pytest.mark.skipif(not MNIST_PATH, reason="needs MNIST: set ANN_MNIST_PATH")
def test_the_original_mnist_is_recognised(tmp_path, monkeypatch):
    monkeypatch.setenv("ANN_MNIST_PATH", MNIST_PATH)
    finding = only(doctor._mnist, tmp_path)
    assert finding.healthy
    assert finding.message == f"{MNIST_PATH}, bit-identical to the original"


def test_the_free_space_is_in_gibibytes(tmp_path, monkeypatch):
    usage = SimpleNamespace(free=2000 * 1024**3)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage)
    assert only(doctor._state, tmp_path).message.endswith(", 2000 GiB free")


def test_a_disk_that_is_nearly_full_is_said_so(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "LEAST_FREE", 10**18)
    finding = only(doctor._state, tmp_path)
    assert not finding.healthy
    assert "make room or move it with ANN_HOME" in finding.message


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    def version(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", version)
    finding = only(doctor._packages, tmp_path)
    assert finding == Finding(
        "packages", False, "mlflow is not installed; `make setup` installs it."
    )


def test_no_finding_has_a_password(tmp_path, nobody):
    address = nobody.replace("://", "://bob:s3cret@")
    for uri in (address, "postgresql+psycopg://bob:s3cret@127.0.0.1:9/mlflow"):
        found = diagnose(tmp_path, MLFLOW_TRACKING_URI=uri, PREFECT_API_URL=f"{address}/api")
        assert not any("s3cret" in finding.message for finding in found.values())
        assert not found["tracking"].healthy


def test_a_store_with_runs_and_artifacts_is_well(one_run):
    assert only(doctor._tracking, one_run).healthy
    finding = only(doctor._artifacts, one_run)
    assert finding.healthy
    assert finding.message == (one_run / "artifacts").as_uri()  # with %20 for the space


def test_artifacts_that_are_gone_are_missed(one_run, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(one_run, home)
    shutil.rmtree(home / "artifacts")
    finding = only(doctor._artifacts, home)
    assert not finding.healthy
    assert f"{home}/artifacts is gone" in finding.message


def test_a_model_that_cannot_be_verified_is_said_so(one_run, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(one_run, home)
    client = MlflowClient(f"sqlite:///{home}/mlflow.db")
    client.create_registered_model("mnist-digits")
    client.create_model_version("mnist-digits", home.as_uri(), await_creation_for=0)
    client.set_registered_model_alias("mnist-digits", "champion", "1")
    finding = only(doctor._champion, home)
    assert not finding.healthy
    assert "cannot be verified" in finding.message


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ANN_FEEDBACK_URL", "nonsense"),
        ("ANN_FEEDBACK_URL", "oracle+none://db/ann"),
        ("ANN_POLL_SECONDS", "-3"),
        ("ANN_CORS_ORIGINS", "x"),
    ],
)
def test_settings_that_the_service_refuses_are_found(tmp_path, monkeypatch, variable, value):
    assert only(doctor._service, tmp_path).healthy
    monkeypatch.setenv(variable, value)
    finding = only(doctor._service, tmp_path)
    assert not finding.healthy
    assert finding.message.startswith(variable)
