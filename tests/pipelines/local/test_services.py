"""The services of one machine: where each is, and which of them `ann up` starts."""

from pipelines import settings
from pipelines.local.services import DIGITS, MLFLOW, PREFECT, WORKER, Ports, endpoints


def found(tmp_path, **environ: str):
    return endpoints(settings.load({"ANN_HOME": str(tmp_path), **environ}), Ports())


def test_all_four_are_of_this_machine_by_default(tmp_path):
    assert [(each.name, each.address, each.managed) for each in found(tmp_path)] == [
        (MLFLOW, "http://127.0.0.1:5000", True),
        (PREFECT, "http://127.0.0.1:4200", True),
        (WORKER, "http://127.0.0.1:4200/deployments", True),
        (DIGITS, "http://127.0.0.1:8000", True),
    ]


def test_servers_that_the_environment_names_are_not_started(tmp_path):
    mlflow, prefect, worker, digits = found(
        tmp_path,
        MLFLOW_TRACKING_URI="http://mlflow:5000/",
        PREFECT_API_URL="https://prefect.example/api/",
    )
    assert (mlflow.address, mlflow.managed) == ("http://mlflow:5000", False)
    assert (prefect.address, prefect.managed) == ("https://prefect.example", False)
    assert (worker.address, worker.managed) == ("https://prefect.example/deployments", True)
    assert digits.managed


def test_a_database_is_served_by_this_machine(tmp_path):
    assert found(tmp_path, MLFLOW_TRACKING_URI="sqlite:///runs.db")[0].managed


def test_addresses_are_shown_without_passwords(tmp_path):
    mlflow, prefect, worker, _ = found(
        tmp_path,
        MLFLOW_TRACKING_URI="http://bob:s3'cret@mlflow:5000",
        PREFECT_API_URL="https://ann:s3'cret@prefect.example/api",
    )
    shown = [mlflow.address, prefect.address, worker.address]
    pages = ["http://mlflow:5000", "https://prefect.example", "https://prefect.example/deployments"]
    assert shown == pages
