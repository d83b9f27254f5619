"""The recipes for the highest accuracy and the lecture's own networks, ranked."""

from __future__ import annotations

from dataclasses import dataclass

from ann_models.evaluation import deviation
from ann_models.variants import VARIANTS
from pipelines.registry.reader import MODEL_NAMES, RegistryReader
from pipelines.tracking.reader import RunReader

TEST_IMAGES = {"mnist": 10_000, "offline-digits": 300}


@dataclass(frozen=True)
class LeaderboardEntry:
    """One network on the leaderboard.

    Attributes:
        name: the variant's.
        run_id: of its newest finished run.
        data: the source of its digits.
        test_images: how many test digits that source has.
        seeds: how many networks the means are over.
        val_accuracy_mean: by which the leaderboard is ordered.
        test_accuracy_mean: reported, and used for nothing.
        test_accuracy_std: over the seeds; None with one.
        parameters: weights of one network.
        train_seconds: for one seed.
        onnx_ms: for one image on one thread; None if the run registered no version.
        ece: expected calibration error of the best seed on the test digits, calibrated.
        robustness: mean accuracy of the best seed on corrupted test digits.
        hands_accuracy_mean: on generated handwriting of held-out writers.
        non_digits_marked: share of the pictures of no digit that the best seed marks as uncertain.
    """

    name: str
    run_id: str
    data: str
    test_images: int
    seeds: int
    val_accuracy_mean: float
    test_accuracy_mean: float
    test_accuracy_std: float | None
    parameters: int
    train_seconds: float
    onnx_ms: float | None
    ece: float
    robustness: float | None
    hands_accuracy_mean: float | None
    non_digits_marked: float | None


def ranked(tracking: RunReader, registry: RegistryReader) -> list[LeaderboardEntry]:
    """The newest finished run of every variant that may serve, the best on validation first.

    Networks of the offline digits come after those of MNIST: their numbers cannot be compared.
    """
    runs = tracking.newest_by_variant()
    versions = [v for name in MODEL_NAMES.values() for v in registry.versions(name)]
    latencies = {v.run_id: v.metrics["onnx_ms"] for v in versions if "onnx_ms" in v.metrics}
    registered = {version.run_id for version in versions}
    found = []
    for name, run in runs.items():
        row = VARIANTS.get(name)  # those of one's own may serve if they registered a version
        if not (row.registered if row else run.info.run_id in registered):
            continue
        metrics, seeds = run.data.metrics, int(run.data.tags["seeds"])
        found.append(
            LeaderboardEntry(
                name=name,
                run_id=run.info.run_id,
                data=run.data.tags["data_source"],
                test_images=TEST_IMAGES[run.data.tags["data_source"]],
                seeds=seeds,
                val_accuracy_mean=metrics["val_accuracy"],
                test_accuracy_mean=metrics["test_accuracy"],
                test_accuracy_std=deviation(metrics, "test_accuracy"),
                parameters=int(metrics["parameters"]),
                train_seconds=metrics["train_seconds"] / seeds,
                onnx_ms=latencies.get(run.info.run_id),
                ece=metrics["ece"],
                robustness=metrics.get("robustness"),
                hands_accuracy_mean=metrics.get("hands_accuracy"),
                non_digits_marked=metrics.get("non_digits_marked"),
            )
        )
    return sorted(found, key=lambda entry: (entry.data != "mnist", -entry.val_accuracy_mean))
