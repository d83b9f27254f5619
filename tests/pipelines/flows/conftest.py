"""A state folder for the tests of a job, and what spares them the drawing of figures."""

import pytest


@pytest.fixture
def plain_study(monkeypatch):
    """Every variant is trained, registered and judged as ever, but its study draws an empty panel.

    What only a study measures has one value: `val_accuracy` is 0.5.
    """
    from matplotlib.figure import Figure

    from ann_models.findings import Findings
    from pipelines.flows import tasks
    from pipelines.tracking.views import PANELS

    def study(variant, data, trained):
        measured = {"val_accuracy": 0.5}
        if trained is not None:
            measured["best_seed"] = float(trained.seeds[0])
        return Findings(measured, figures={PANELS[variant.study]: Figure()})

    monkeypatch.setattr(tasks, "study_of", lambda variant: study)


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def home(shared_home, monkeypatch):
    """One state folder for all tests of a module."""
    monkeypatch.setenv("ANN_HOME", str(shared_home))
    for variable in ("MLFLOW_TRACKING_URI", "ANN_MNIST_PATH"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("ANN_OFFLINE", "1")
    monkeypatch.setenv("KERAS_HOME", str(shared_home / "no MNIST here"))
    return shared_home


@pytest.fixture
def recorder():
    from pipelines.flows import progress
    from tests.support.lecture_jobs import Recorder

    recorder = Recorder()
    with progress.reporting_to(recorder):
        yield recorder


@pytest.fixture
def tracking(home):
    from pipelines.flows.context import Context

    return Context.open().tracking


@pytest.fixture
def context(store, monkeypatch):
    """Of a search, on a store that a module shares."""
    from pipelines.flows.context import Context
    from tests.support.searches import Recorder
    from tests.support.served import enter

    enter(store.settings.home, monkeypatch)
    return Context.of(store.settings, Recorder())


@pytest.fixture
def search(context):
    from pipelines.flows.trials import Trials
    from tests.support.searches import SPEC

    return Trials(context, SPEC)
