"""What a version carries comes back as it was registered, or not at all."""

import hashlib
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import pytest

from ann_models import archives
from ann_models.digits.corruptions import CORRUPTIONS
from pipelines.errors import RegistryError, StorageFull
from pipelines.registry.client import Version
from tests.support.registry_bench import (
    DIGITS,
    GOOD,
    NAME,
    Workbench,
    calibrated_nearest_mean,
    nearest_mean,
)


@pytest.fixture(scope="module")
def with_people(tmp_path_factory) -> tuple[Workbench, Path]:
    """A registry whose version has every archive, and the version's folder."""
    folder = tmp_path_factory.mktemp("with_people")
    bench = Workbench(f"sqlite:///{folder / 'mlflow.db'}", folder, folder / "artifacts")
    bench.register(nearest_mean(GOOD), with_people=True)
    return bench, next(folder.rglob("people.npz")).parent


def test_a_candidate_is_read_back_as_it_was_evaluated(three):
    candidate = three.registry.artifacts.candidate(three[1])
    expected = calibrated_nearest_mean(GOOD)(DIGITS.arrays["x_val"])
    np.testing.assert_allclose(candidate.probabilities, expected, atol=1e-5)
    np.testing.assert_array_equal(candidate.labels, DIGITS.arrays["y_val"])
    assert candidate.weights_finite
    assert candidate.onnx_difference <= 1e-5
    assert candidate.onnx_ms > 0
    assert candidate.robustness.keys() == CORRUPTIONS.keys()
    assert candidate.robustness["blur"] > 0.5


def test_the_keras_model_comes_back_with_its_logits_divided_by_the_temperature(three):
    restored = three.registry.artifacts.keras_model(three[1])
    temperature = float(three[1].tags["temperature"])
    assert temperature != pytest.approx(1, abs=0.01)
    for before, after in zip(nearest_mean(GOOD).weights, restored.weights, strict=True):
        np.testing.assert_allclose(before.numpy() / temperature, after.numpy(), rtol=1e-4)


def test_an_altered_file_is_not_read(empty, tmp_path):
    version = empty.register(nearest_mean(GOOD))
    for path in (tmp_path / "artifacts").rglob("model.*"):
        path.write_bytes(path.read_bytes() + b"!")
    with pytest.raises(
        RegistryError, match=r"model\.keras of offline-digits version 1 has SHA-256"
    ):
        empty.registry.artifacts.keras_model(version)
    with pytest.raises(RegistryError, match=r"model\.onnx .* altered or damaged"):
        empty.registry.artifacts.candidate(version)


def test_a_missing_file_is_reported_with_what_to_do(empty, tmp_path):
    version = empty.register(nearest_mean(GOOD))
    shutil.rmtree(tmp_path / "artifacts")
    with pytest.raises(RegistryError, match=r"validation\.npz of offline-digits version 1 cannot"):
        empty.registry.artifacts.candidate(version)


def rewritten(path: Path, **changes: np.ndarray | None) -> None:
    """An archive with other arrays; None leaves one out."""
    arrays = archives.read(path) | changes
    archives.write(path, {name: a for name, a in arrays.items() if a is not None})


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("validation", damaged),
        ("validation", lambda path: rewritten(path, probabilities=None)),
        ("validation", lambda path: rewritten(path, labels=np.zeros(3))),
        ("validation", lambda path: rewritten(path, probabilities=np.array(["a", "b"]))),
        ("probe", damaged),
        ("probe", lambda path: rewritten(path, image=None)),
        ("probe", lambda path: rewritten(path, image=np.zeros((5, 5)))),
        ("people", damaged),
        ("people", lambda path: rewritten(path, correct=None)),
        ("people", lambda path: rewritten(path, another=np.zeros(3))),
    ],
)
@pytest.mark.parametrize("tagged", [True, False], ids=["tagged", "of an earlier version"])
def test_an_altered_archive_is_not_read(with_people, name, change, tagged):
    bench, place = with_people
    path, original = place / f"{name}.npz", (place / f"{name}.npz").read_bytes()
    tag, digest = f"{name}_sha256", bench[1].tags[f"{name}_sha256"]
    assert digest == hashlib.sha256(original).hexdigest()
    change(path)
    if not tagged:
        bench.client.delete_model_version_tag(NAME, "1", tag)
    try:
        with pytest.raises(RegistryError, match=rf"{name}\.npz .*`ann doctor`"):
            bench.registry.artifacts.candidate(bench[1])
    finally:
        path.write_bytes(original)
        bench.registry.tag(bench[1], {tag: digest})
    assert bench.registry.artifacts.candidate(bench[1]).people


@pytest.mark.parametrize("tag", ["onnx_difference", "robustness_by_corruption"])
def test_a_tag_that_another_tool_overwrote_is_named(three, tag):
    three.registry.tag(three[1], {tag: "98 %"})
    with pytest.raises(RegistryError, match=rf"{tag}.* of offline-digits version 1.*98 %"):
        three.registry.artifacts.candidate(three[1])


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process may grow beyond that: a full disk, made of a real limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_while_a_file_is_read_is_no_missing_file(three):
    version = three[1]
    with largest_file(1000), pytest.raises(StorageFull, match="Make room"):
        three.registry.artifacts.onnx_bytes(version)
    assert three.registry.artifacts.onnx_bytes(version)


def put_another_network(bench: Workbench, version: Version, bias: float) -> None:
    """Replace a version's ONNX file, and its hash, by a network that answers differently."""
    root = bench.client.get_model_version_download_uri(NAME, version.number)
    path = Path(root.removeprefix("file://"), "model.onnx")
    original = path.read_bytes()
    network = onnx.load_from_string(original)
    weights = max(network.graph.initializer, key=lambda weight: len(weight.raw_data))
    changed = onnx.numpy_helper.to_array(weights) * np.float32(bias)
    weights.CopyFrom(onnx.numpy_helper.from_array(changed, weights.name))
    path.write_bytes(network.SerializeToString())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    bench.registry.tag(version, {"onnx_sha256": digest})


@pytest.mark.parametrize(("factor", "by"), [(1.5, "0."), (np.nan, "nan")])
def test_a_network_that_answers_its_probe_digit_differently_is_not_judged(empty, factor, by):
    version = empty.register(nearest_mean(GOOD))
    put_another_network(empty, version, factor)
    with pytest.raises(RegistryError, match=rf"answers its probe digit differently .* by {by}"):
        empty.registry.judge(empty[1])
    assert empty[1].decision == "undecided"


def test_a_version_that_another_tool_registered_cannot_be_judged(three):
    three.client.delete_model_version_tag(NAME, "1", "validation_digest")
    with pytest.raises(RegistryError, match="not registered by this pipeline"):
        three.registry.judge(three[1])
