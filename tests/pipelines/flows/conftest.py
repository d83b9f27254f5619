"""What spares the tests of flows the drawing of figures that they do not look at."""

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
