"""What the commands' tests share: `ann` in a state folder of its own, and folders with content."""

import os

import pytest
from click.testing import CliRunner, Result


@pytest.fixture
def ann(tmp_path):
    """Run a command in this process, in a state folder of its own."""
    before = dict(os.environ)
    os.environ |= {"ANN_HOME": str(tmp_path / "home"), "COLUMNS": "200"}
    for variable in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL"):
        os.environ.pop(variable, None)

    from pipelines.cli.main import main

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, list(arguments))

    yield run
    os.environ.clear()  # what a command exports to MLflow and Prefect is forgotten
    os.environ.update(before)


@pytest.fixture(scope="package")
def filled(tmp_path_factory):
    """A state folder with two runs and three registered versions."""
    from ann_models.findings import Findings
    from pipelines import settings
    from pipelines.tracking.client import Tracking

    home = tmp_path_factory.mktemp("filled")
    tracking = Tracking(settings.load({"ANN_HOME": str(home)})).open()
    experiment = tracking.experiment("digits")
    for name, accuracy in (("mnist_ann", 0.975), ("mnist_cnn", 0.985)):
        tags = {"variant": name, "quick": "false"}
        with tracking.run(experiment, name, tags) as run_id:
            tracking.log_findings(run_id, Findings({"test_accuracy": accuracy}), {})
        tracking.make_newest(run_id, name, experiment)
    client = tracking.client
    client.create_registered_model("mnist-digits")
    for tags in (
        {"decision": "promoted", "reasons": "There is no champion to beat."},
        {"decision": "refused", "reasons": "It is worse.\nIt is slower.", "val_accuracy": "0.91"},
        {"decision": "forced", "forced_reason": "smaller, for the old phones"},
    ):
        tags["variant"] = "mnist_ann"
        client.create_model_version("mnist-digits", home.as_uri(), tags=tags, await_creation_for=0)
    client.set_registered_model_alias("mnist-digits", "champion", "3")
    client.set_registered_model_alias("mnist-digits", "previous", "1")
    return home


@pytest.fixture
def in_filled(ann, filled):
    os.environ["ANN_HOME"] = str(filled)
    return ann


@pytest.fixture
def stored(ann, tmp_path, empty_store):
    """The same in a state folder that has an empty store: to make one costs seconds."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "mlflow.db").write_bytes(empty_store)
    return ann


@pytest.fixture
def offline(stored, tmp_path):
    """A state folder in which only the offline digits were trained."""
    from ann_models.findings import Findings
    from pipelines import settings
    from pipelines.tracking.client import Tracking

    tracking = Tracking(settings.load({"ANN_HOME": str(tmp_path / "home")}))
    experiment = tracking.experiment("digits")
    tags = {"variant": "mnist_ann", "quick": "false", "seeds": "1", "data_source": "offline-digits"}
    metrics = {"test_accuracy": 0.97, "val_accuracy": 0.96, "parameters": 9.0, "ece": 0.1}
    with tracking.run(experiment, "mnist_ann", tags) as run_id:
        tracking.log_findings(run_id, Findings(metrics | {"train_seconds": 1.0}), {})
    tracking.make_newest(run_id, "mnist_ann", experiment)
    client = tracking.client
    client.create_registered_model("offline-digits")
    tags = {"decision": "promoted", "variant": "mnist_ann"}
    client.create_model_version("offline-digits", "file:///x", tags=tags, await_creation_for=0)
    client.set_registered_model_alias("offline-digits", "champion", "1")
    return stored


@pytest.fixture
def seven(tmp_path):
    """A picture of a seven."""
    import numpy as np
    from PIL import Image

    image = np.zeros((28, 28), np.uint8)
    image[5:8, 6:22] = image[5:24, 18:21] = 255
    path = tmp_path / "seven.png"
    Image.fromarray(image).save(path)
    return path
