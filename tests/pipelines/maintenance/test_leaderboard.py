"""Networks that may serve, the best on the validation digits first."""

from types import SimpleNamespace

from pipelines.maintenance.leaderboard import LeaderboardEntry, ranked
from pipelines.registry.versions import Version

METRICS = {
    "val_accuracy": 0.9,
    "test_accuracy": 0.8,
    "parameters": 100.0,
    "train_seconds": 30.0,
    "ece": 0.01,
}


def run(run_id: str, data: str = "mnist", seeds: int = 1, **metrics: float) -> SimpleNamespace:
    return SimpleNamespace(
        info=SimpleNamespace(run_id=run_id),
        data=SimpleNamespace(
            metrics=METRICS | metrics, tags={"data_source": data, "seeds": str(seeds)}
        ),
    )


def entries(*versions: Version, **runs: SimpleNamespace) -> list[LeaderboardEntry]:
    tracking = SimpleNamespace(newest_by_variant=lambda: runs)
    registry = SimpleNamespace(versions=lambda name: [v for v in versions if v.name == name])
    return ranked(tracking, registry)


def test_the_best_on_validation_is_first_and_offline_digits_come_after_mnist():
    found = entries(
        mnist_ann=run("a", val_accuracy=0.91),
        mnist_cnn=run("b", val_accuracy=0.95, test_accuracy=0.1),
        best_mlp=run("c", "offline-digits", val_accuracy=0.99),
    )
    assert [(entry.name, entry.test_images) for entry in found] == [
        ("mnist_cnn", 10_000),
        ("mnist_ann", 10_000),
        ("best_mlp", 300),
    ]


def test_rows_that_may_not_serve_or_never_ran_are_not_on_it():
    assert [entry.name for entry in entries(perceptron=run("a"), mnist_ann=run("b"))] == [
        "mnist_ann"
    ]


def test_rows_of_ones_own_are_on_it_if_they_registered_a_version():
    found = entries(
        Version("mnist-digits", "1", "b", (), {}),
        mnist_ann=run("a", val_accuracy=0.9),
        mine=run("b", val_accuracy=0.95),
        other=run("c", val_accuracy=0.99),
    )
    assert [entry.name for entry in found] == ["mine", "mnist_ann"]


def test_an_entry_has_the_runs_means_over_its_seeds():
    spread = {"spread/test_accuracy": 0.02}
    (entry,) = entries(mnist_ann=run("a", seeds=3, **spread, robustness=0.7))
    assert (entry.run_id, entry.data, entry.test_images) == ("a", "mnist", 10_000)
    assert (entry.val_accuracy_mean, entry.test_accuracy_mean) == (0.9, 0.8)
    assert (entry.seeds, entry.train_seconds, entry.parameters) == (3, 10.0, 100)
    assert (entry.test_accuracy_std, entry.ece, entry.robustness) == (0.02, 0.01, 0.7)
    assert (entry.onnx_ms, entry.hands_accuracy_mean, entry.non_digits_marked) == (None,) * 3


def test_the_latency_is_that_of_the_version_that_the_run_registered():
    (entry,) = entries(
        Version("mnist-digits", "1", "a", (), {"onnx_ms": "0.25"}),
        Version("mnist-digits", "2", "b", (), {"onnx_ms": "9"}),
        Version("mnist-digits", "3", "a", (), {}),
        mnist_ann=run("a"),
    )
    assert entry.onnx_ms == 0.25


def test_a_latency_that_is_no_number_is_left_out():
    found = entries(
        Version("mnist-digits", "1", "a", (), {"onnx_ms": "a quarter"}), mnist_ann=run("a")
    )
    assert [entry.onnx_ms for entry in found] == [None]
