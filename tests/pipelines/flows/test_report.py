"""A job's specification and results, and how Prefect's UI shows them."""

import errno

import numpy as np
import pytest
import requests

from ann_models import datasets
from ann_models.datasets import Dataset
from ann_models.variants import VARIANTS
from pipelines.errors import StorageFull, TrackingUnavailable, WrongUse
from pipelines.flows.context import Context, DataFile
from pipelines.flows.report import (
    JobReport,
    VariantJob,
    VariantResult,
    VariantsFailed,
    explain,
    results_table,
)

FINISHED = VariantResult(
    "mnist_ann", "finished", "0123456789abcdef", metrics={"val_accuracy": 0.97654, "other": 1.0}
)
FAILED = VariantResult("losses", error="ValueError: shapes differ")


@pytest.fixture
def context(tmp_path, monkeypatch) -> Context:
    monkeypatch.setenv("ANN_HOME", str(tmp_path))
    from pipelines import settings

    return Context.of(settings.load())


def test_the_results_table_has_metrics_and_a_link_to_each_mlflow_run():
    report = JobReport("flow run", "mnist", quick=False, rows=[FINISHED, FAILED])
    head, _, finished, failed = results_table(report, "http://ui").splitlines()
    columns = [cell.strip() for cell in head.strip("|").split("|")]
    first = dict(zip(columns, [c.strip() for c in finished.strip("|").split("|")], strict=True))
    assert first["variant"] == "mnist_ann"
    assert first["status"] == "finished"
    assert first["val accuracy"] == "0.9765"
    assert first["test accuracy"] == ""
    assert first["MLflow run"] == "[01234567](http://ui/#/runs/0123456789abcdef)"
    second = dict(zip(columns, [c.strip() for c in failed.strip("|").split("|")], strict=True))
    assert (second["status"], second["MLflow run"]) == ("ValueError: shapes differ", "")


def test_the_results_table_ends_with_the_comparison_pages():
    report = JobReport("flow run", None, quick=False, views={"neurons": "#/experiments/1"})
    assert results_table(report, "http://ui").splitlines()[-2:] == [
        "Comparisons:",
        "- [neurons](http://ui/#/experiments/1)",
    ]


@pytest.mark.parametrize("quick", [True, False])
def test_a_runs_tags_say_what_was_run(quick):
    file = DataFile("points.npz", "generated", "digest")
    about = VariantJob(VARIANTS["linear_classification"], file, "flow run", quick).about
    assert about["variant"] == "linear_classification"
    assert about["row"] == "4"
    assert about["seeds"] == str(VARIANTS["linear_classification"].seeds)
    assert about["data_source"] == "generated"
    assert about["pipeline_run_id"] == "flow run"
    assert about["quick"] == ("true" if quick else "false")


def test_on_a_machine_without_the_data_file_the_same_data_is_made_again(context, monkeypatch):
    variant = VARIANTS["linear_classification"]
    made = datasets.generate(variant.data, datasets.DATA_SEED)
    job = VariantJob(variant, DataFile("/not/here.npz", made.source, made.digest), "flow run")
    local = job.with_local_data(context)
    assert local.file.digest == made.digest
    assert context.load_dataset(local.file.path).digest == made.digest
    assert local.with_local_data(context) is local


def test_digits_are_found_again_from_the_same_source(context, monkeypatch):
    asked = []

    def digits(source):
        asked.append(source)
        return Dataset("digits", source, {"x_train": np.zeros((1, 28, 28), np.float32)})

    monkeypatch.setattr(datasets, "digits", digits)
    file = DataFile("/not/here.npz", "offline-digits", "digest")
    job = VariantJob(VARIANTS["mnist_ann"], file, "flow run")
    assert job.with_local_data(context).file.source == "offline-digits"
    assert asked == ["offline-digits"]


def test_a_result_is_failed_until_it_is_finished():
    assert not VariantResult("mnist_ann").finished
    assert not VariantResult("mnist_ann", "killed").finished
    assert FINISHED.finished


def test_the_error_of_a_job_names_what_failed():
    report = JobReport("flow run", None, quick=False, failed=["losses", "recursion"])
    assert str(VariantsFailed(report)).startswith("losses, recursion failed;")


def test_a_failure_of_one_variant_is_a_sentence():
    assert explain(ValueError("shapes differ")) == "ValueError: shapes differ"
    assert explain(WrongUse("no networks of first")) == "no networks of first"


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), StorageFull),
        (requests.exceptions.ConnectionError("refused"), TrackingUnavailable),
    ],
)
def test_what_every_later_variant_would_meet_is_raised(error, meaning):
    with pytest.raises(meaning):
        explain(error)
