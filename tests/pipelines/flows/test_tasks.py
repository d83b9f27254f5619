"""Single tasks, without a flow."""

import numpy as np
import pytest
from prefect.logging import disable_run_logger

from ann_models import datasets, networks
from ann_models.findings import Findings
from ann_models.training.result import Training
from ann_models.variants import VARIANTS
from pipelines.flows import tasks
from pipelines.flows.context import Context
from pipelines.flows.report import VariantJob


@pytest.fixture
def context(store, tmp_path, monkeypatch) -> Context:
    monkeypatch.setenv("ANN_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Context.open()


def test_the_model_that_is_logged_is_the_best_seeds_whatever_its_place(context, monkeypatch):
    variant = VARIANTS["linear_classification"]
    data = datasets.generate(variant.data, 0)
    job = VariantJob(variant, context.save_dataset(data), "flow run")
    shape = data.arrays["x_train"].shape[1:]
    models = [networks.build(variant, shape, seed) for seed in (4, 7)]
    history = {"train_loss": np.array([[0.5, 0.25]])}
    run_id = context.tracking.client.create_run("0").info.run_id
    path = context.save_training(Training(models, (4, 7), history, seconds=1.0), run_id)
    findings = Findings({"best_seed": 7.0})
    monkeypatch.setattr(tasks, "study_of", lambda variant: lambda *_: findings)
    logged = []
    monkeypatch.setattr(
        context.tracking, "log_model", lambda run_id, model, name: logged.append(model)
    )
    with disable_run_logger():
        tasks.evaluate.fn(context, job, path, run_id)
    assert logged == [models[1]]
