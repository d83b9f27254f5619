"""Register, judge, promote and roll back, on a real MLflow store, with real kills."""

import functools
import hashlib
import itertools
import json
import os
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import keras
import numpy as np
import onnx
import pytest
from mlflow import MlflowClient

from ann_models import archives, datasets
from ann_models.calibration import calibrated
from ann_models.digits.corruptions import CORRUPTIONS
from pipelines.candidate import Candidate
from pipelines.errors import Locked, RegistryError, StorageFull, TrackingUnavailable
from pipelines.flows.candidate import evaluate_candidate
from pipelines.gate import Policy
from pipelines.locks import exclusive_lock
from pipelines.registry import client
from pipelines.registry.client import MODEL_NAMES, Registry, Version
from pipelines.tracking import provenance
from serving import settings as serving_settings
from serving.model.download import fetch

NAME = "offline-digits"
BETTER_ONLY = Policy(max_relative_time=0)  # no decision hangs on the clock of a busy machine
DIGITS = datasets.digits("offline-digits")
GOOD, WORSE = 1000, 20


def nearest_mean(examples: int, outputs: int = 10) -> keras.Sequential:
    """A linear network that names the class with the nearest mean; more examples, better means."""
    x, y = DIGITS.arrays["x_train"][:examples], DIGITS.arrays["y_train"][:examples]
    means = np.stack([x[y == digit].mean(axis=0).ravel() for digit in range(outputs)])
    layers = [keras.layers.Flatten(), keras.layers.Dense(outputs, "softmax")]
    model = keras.Sequential([keras.Input((28, 28)), *layers])
    model.set_weights([means.T, -0.5 * (means**2).sum(axis=1)])
    return model


def calibrated_nearest_mean(examples: int) -> keras.Model:
    """The same network as it is registered."""
    arrays = DIGITS.arrays
    return calibrated(nearest_mean(examples), arrays["x_val"], arrays["y_val"])[0]


class Workbench:
    """A registry, and a run into which models are registered."""

    def __init__(self, uri: str, home: Path, artifacts: Path | None = None) -> None:
        self.registry = Registry(uri, home)
        location = artifacts and str(artifacts)
        experiment = self.client.create_experiment(f"digits {uuid4()}", location)
        self.run_id = self.client.create_run(experiment).info.run_id

    @property
    def client(self) -> MlflowClient:
        return self.registry.client

    def register(self, model: keras.Sequential, *, with_people: bool = False) -> Version:
        artifact = evaluate_candidate(model, DIGITS)
        # The gate's judgement on other hands has tests of its own; means of digits read them badly.
        people = artifact.candidate.people if with_people else None
        candidate = replace(artifact.candidate, people=people)
        return self.registry.register(
            replace(artifact, candidate=candidate),
            run_id=self.run_id,
            variant="nearest_mean",
            seed=3,
            git_commit="c0ffee",
        )

    def __getitem__(self, number: int) -> Version:
        return self.registry.version(NAME, str(number))

    def aliases(self) -> dict[str, int]:
        aliases = self.client.get_registered_model(NAME).aliases
        return {alias: int(number) for alias, number in aliases.items()}


@pytest.fixture(scope="module")
def stores(tmp_path_factory) -> dict[str, bytes]:
    """Two databases, made once: an empty one, and one with three registered models."""
    folder = tmp_path_factory.mktemp("stores")
    path = folder / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    empty = path.read_bytes()
    bench = Workbench(f"sqlite:///{path}", folder, folder / "artifacts")
    for examples in (GOOD, GOOD, WORSE):
        bench.register(nearest_mean(examples))
    return {"empty": empty, "three": path.read_bytes()}


def opened(database: bytes, folder: Path) -> Workbench:
    (folder / "mlflow.db").write_bytes(database)
    return Workbench(f"sqlite:///{folder / 'mlflow.db'}", folder, folder / "artifacts")


@pytest.fixture
def empty(stores, tmp_path) -> Workbench:
    return opened(stores["empty"], tmp_path)


@pytest.fixture
def three(stores, tmp_path) -> Workbench:
    """Versions 1 and 2 are the same good model, version 3 is a worse one; none was judged."""
    return opened(stores["three"], tmp_path)


# What a version carries


def test_a_version_carries_everything_that_the_gate_and_serving_need(empty, tmp_path):
    version = empty.register(nearest_mean(GOOD), with_people=True)
    assert (version.name, version.number, version.run_id) == (NAME, "1", empty.run_id)
    (folder,) = (tmp_path / "artifacts" / "models").glob("*/artifacts")
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files >= {
        "MLmodel",
        "requirements.txt",
        "data/model.keras",
        "model.onnx",
        "validation.npz",
        "probe.npz",
        "people.npz",
    }
    assert not [file for file in files if file.endswith((".pkl", ".pickle", ".h5"))]
    assert archives.read(folder / "validation.npz")["probabilities"].shape == (300, 10)
    probe = archives.read(folder / "probe.npz")
    np.testing.assert_array_equal(probe["image"], DIGITS.arrays["x_val"][0])

    tags = empty[1].tags
    assert tags == version.tags
    assert tags["data"] == "offline-digits"
    assert tags["data_digest"] == DIGITS.digest
    assert (tags["variant"], tags["seed"], tags["git_commit"]) == ("nearest_mean", "3", "c0ffee")
    assert len(tags["onnx_sha256"]) == len(tags["keras_sha256"]) == 64


def test_mlflows_own_loaders_read_both_forms(three):
    import mlflow.keras
    import mlflow.pyfunc

    folder = three.client.get_model_version_download_uri(NAME, "1")
    model, images = calibrated_nearest_mean(GOOD), DIGITS.arrays["x_val"][:5]
    answer = mlflow.pyfunc.load_model(folder).predict(images)["probabilities"]
    np.testing.assert_allclose(answer, model(images), atol=1e-5)
    np.testing.assert_allclose(
        mlflow.keras.load_model(folder)(images), model(images), rtol=1e-4, atol=1e-7
    )


def test_the_run_and_the_models_that_it_made_name_each_other(three):
    outputs = three.client.get_run(three[1].run_id).outputs.model_outputs
    logged = [three.client.get_logged_model(output.model_id) for output in outputs]
    assert {model.status for model in logged} == {"READY"}
    assert {model.source_run_id for model in logged} == {three[1].run_id}
    versions = [json.loads(model.tags["mlflow.modelVersions"]) for model in logged]
    assert sorted(version["version"] for (version,) in versions) == ["1", "2", "3"]


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


# The gate decides


def test_the_first_sound_model_becomes_champion_and_a_worse_one_does_not(three):
    assert three.registry.judge(three[1]).promote
    assert not three.registry.judge(three[3], BETTER_ONLY).promote

    worse, unjudged, best = three.registry.versions(NAME)
    assert (best.number, best.decision, best.aliases) == ("1", "promoted", ("champion",))
    assert (unjudged.number, unjudged.decision, unjudged.aliases) == ("2", "undecided", ())
    assert (worse.number, worse.decision, worse.aliases) == ("3", "refused", ("challenger",))
    assert "significantly worse" in worse.reasons[-1]
    assert worse.metrics["p_value"] < 0.05 < worse.metrics["val_accuracy"]
    assert worse.metrics["onnx_ms"] > 0


def test_a_better_model_becomes_champion_and_the_old_one_is_previous(three):
    three.registry.promote(three[3], "the first")
    assert three.registry.judge(three[1], BETTER_ONLY).promote
    assert three.aliases() == {"champion": 1, "previous": 3}


def test_the_same_model_again_is_refused(three):
    three.registry.promote(three[1], "the first")
    decision = three.registry.judge(three[2], BETTER_ONLY)
    assert not decision.promote
    assert decision.numbers["p_value"] == 1


def test_judging_the_champion_again_changes_nothing(three):
    first = three.registry.judge(three[1])
    before = three.registry.versions(NAME)
    again = three.registry.judge(three[1])
    assert again.promote
    assert [r.message for r in again.reasons] == [r.message for r in first.reasons]
    assert three.registry.versions(NAME) == before


def test_a_diverged_model_is_on_record_as_refused(empty):
    model = nearest_mean(GOOD)
    model.set_weights([np.full_like(w, np.nan) for w in model.get_weights()])
    empty.registry.judge(empty.register(model))
    assert empty[1].decision == "refused"
    assert empty[1].reasons == ["Some weights are NaN or infinite: the training diverged."]
    assert empty.aliases() == {"challenger": 1}


def test_a_model_of_the_wrong_shape_is_on_record_as_refused(empty):
    empty.registry.judge(empty.register(nearest_mean(GOOD, outputs=9)))
    assert empty[1].decision == "refused"
    assert "(300, 9), not (300, 10)" in empty[1].reasons[-1]
    assert empty.aliases() == {"challenger": 1}


# A person decides


def test_a_forced_promotion_needs_a_reason_and_records_it(three):
    three.registry.judge(three[1])
    three.registry.judge(three[3], BETTER_ONLY)
    with pytest.raises(RegistryError, match="needs a reason"):
        three.registry.promote(three[3], "  ")
    assert three.aliases() == {"champion": 1, "challenger": 3}

    three.registry.promote(three[3], "demonstration")
    assert three.aliases() == {"champion": 3, "previous": 1}
    assert (three[3].decision, three[3].tags["forced_reason"]) == ("forced", "demonstration")
    assert "significantly worse" in three[3].reasons[-1]  # the gate's reasons stay


def test_promoting_twice_keeps_the_right_previous(three):
    for number in (1, 2, 2):
        three.registry.promote(three[number], "a person's choice")
    assert three.aliases() == {"champion": 2, "previous": 1}


def test_a_rollback_restores_the_previous_champion_and_a_second_one_undoes_it(three):
    for number in (1, 2):
        three.registry.promote(three[number], "a person's choice")
    assert three.registry.rollback(NAME).number == "1"
    assert three.aliases() == {"champion": 1, "previous": 2}
    assert "to version 1" in three[2].tags["rolled_back"]
    assert three.registry.rollback(NAME).number == "2"


def test_a_rollback_without_a_previous_champion_says_so(three):
    with pytest.raises(RegistryError, match="no previous champion"):
        three.registry.rollback(NAME)
    three.registry.promote(three[1], "the first")
    with pytest.raises(RegistryError, match=r"champion: version 1, previous: version None"):
        three.registry.rollback(NAME)


def test_a_deleted_champion_is_rolled_back_from(three):
    for number in (1, 2):
        three.registry.promote(three[number], "a person's choice")
    three.client.delete_model_version(NAME, "2")
    assert three.registry.champion(NAME) is None
    assert three.registry.current_champion() is None
    assert three.registry.rollback(NAME).number == "1"
    assert three.aliases() == {"champion": 1}
    assert "in place of a deleted version" in three.registry.history(NAME)[0].reason


def dangling(bench: Workbench, alias: str, number: int) -> None:
    """An alias that names a version which is not there, as some registries leave it."""
    with closing(sqlite3.connect(bench.registry.home / "mlflow.db")) as database, database:
        database.execute(
            "INSERT OR REPLACE INTO registered_model_aliases (workspace, name, alias, version) "
            "VALUES ('default', ?, ?, ?)",
            (NAME, alias, number),
        )


def test_a_champion_alias_without_a_version_is_no_champion_and_can_be_rolled_back_from(three):
    for number in (1, 2):
        three.registry.promote(three[number], "a person's choice")
    dangling(three, "champion", 9)
    assert three.registry.champion(NAME) is None
    assert three.registry.rollback(NAME).number == "1"
    assert three.aliases() == {"champion": 1}


def test_a_champion_alias_without_a_version_is_replaced_by_the_next_promotion(three):
    three.registry.promote(three[3], "the first")
    dangling(three, "champion", 9)
    assert three.registry.judge(three[1], BETTER_ONLY).promote
    assert three.aliases() == {"champion": 1}


def test_a_deleted_previous_champion_is_not_returned_to_and_nothing_is_moved(three):
    for number in (1, 2):
        three.registry.promote(three[number], "a person's choice")
    dangling(three, "previous", 9)
    with pytest.raises(RegistryError, match="previous: version 9, which was deleted"):
        three.registry.rollback(NAME)
    assert three.aliases() == {"champion": 2, "previous": 9}


def test_every_decision_is_appended_to_the_history(three, monkeypatch):
    monkeypatch.setenv("LOGNAME", "ada")
    provenance.user.cache_clear()
    three.registry.judge(three[1])
    three.registry.judge(three[3], BETTER_ONLY)
    three.registry.promote(three[3], "a demonstration")
    three.registry.promote(three[2], "another")
    three.registry.promote(three[3], "and again")
    three.registry.rollback(NAME)
    provenance.user.cache_clear()
    events = three.registry.history(NAME)[::-1]
    assert [(e.version, e.action, e.by, e.champion) for e in events] == [
        ("1", "promoted", "gate", ""),
        ("3", "refused", "gate", "1"),
        ("3", "promoted", "hand", "1"),
        ("2", "promoted", "hand", "3"),
        ("3", "promoted", "hand", "2"),
        ("2", "rolled back", "hand", "3"),
    ]
    assert {event.user for event in events} == {"ada"}
    assert "significantly worse" in events[1].reason
    assert [event.reason for event in events[2:5]] == ["a demonstration", "another", "and again"]
    assert [event.time for event in events] == sorted(event.time for event in events)


def test_a_model_that_was_never_registered_has_no_history(empty):
    assert empty.registry.history(NAME) == []


def test_the_description_begins_with_the_verdict_and_the_card_is_among_the_files(empty, tmp_path):
    version = empty.register(nearest_mean(GOOD))
    entry = empty.client.get_model_version(NAME, "1")
    assert entry.description.startswith("**Not in use**: not judged yet.")
    empty.registry.judge(version)
    entry = empty.client.get_model_version(NAME, "1")
    assert entry.description.startswith("**Champion**: promoted by the gate on ")
    assert version.tags["onnx_sha256"] not in entry.description
    (card,) = (tmp_path / "artifacts").rglob("model_card.md")
    assert card.read_text(encoding="utf-8") == entry.description


def test_a_decision_stands_though_its_card_cannot_be_stored(empty, tmp_path):
    version = empty.register(nearest_mean(GOOD))
    shutil.rmtree(tmp_path / "artifacts")
    (tmp_path / "artifacts").touch()  # no folder can be made there
    empty.registry.promote(version, "the first")
    assert empty.aliases() == {"champion": 1}
    assert empty.client.get_model_version(NAME, "1").description.startswith("**Champion**")


def test_the_current_champion_is_of_mnist_if_there_is_one(three):
    three.registry.promote(three[1], "the first")
    assert str(three.registry.current_champion()) == "offline-digits version 1"
    source = three.client.get_model_version(NAME, "2").source
    three.client.create_registered_model("mnist-digits")
    three.client.create_model_version("mnist-digits", source, three.run_id, dict(three[2].tags))
    assert str(three.registry.current_champion()) == "offline-digits version 1"
    three.client.set_registered_model_alias("mnist-digits", "champion", "1")
    assert str(three.registry.current_champion()) == "mnist-digits version 1"


def test_pipelines_and_service_look_for_the_champion_in_the_same_order():
    assert tuple(MODEL_NAMES.values()) == serving_settings.NAMES


def test_an_unknown_version_is_answered_with_the_known_ones(three):
    with pytest.raises(RegistryError, match="has no version '7'; its versions: 3, 2, 1"):
        three.registry.version(NAME, "7")


def test_an_empty_registry_has_no_versions_and_no_champion(empty):
    assert empty.registry.versions(NAME) == []
    assert empty.registry.champion(NAME) is None


# Failures

KILLED = """
import os, signal, sys
from pathlib import Path
from pipelines.locks import exclusive_lock
from pipelines.registry import client
from pipelines.registry.client import Registry

uri, home, move = sys.argv[1:]
registry = Registry(uri, Path(home))
write, left = registry.client.set_registered_model_alias, 1

def write_or_die(*arguments):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    write(*arguments)

registry.client.set_registered_model_alias = write_or_die
if move == "promote":
    registry.promote(registry.version("offline-digits", "3"), "killed")
else:
    registry.rollback("offline-digits")
"""


def kill_at_the_second_write(bench: Workbench, move: str) -> None:
    command = [sys.executable, "-c", KILLED, bench.registry.uri, str(bench.registry.home), move]
    outcome = subprocess.run(command, timeout=100, env=os.environ | {"PYTHONPATH": os.getcwd()})
    assert outcome.returncode == -signal.SIGKILL


def test_a_promotion_killed_between_its_writes_leaves_the_champion_and_can_be_finished(three):
    for number in (1, 2):
        three.registry.promote(three[number], "a person's choice")
    kill_at_the_second_write(three, "promote")
    assert three.aliases() == {"champion": 2, "previous": 2}
    with pytest.raises(RegistryError, match="champion: version 2, previous: version 2"):
        three.registry.rollback(NAME)
    three.registry.promote(three[3], "again")
    assert three.aliases() == {"champion": 3, "previous": 2}


def test_a_rollback_killed_between_its_writes_is_already_made(three):
    for number in (1, 2):
        three.registry.promote(three[number], "a person's choice")
    kill_at_the_second_write(three, "rollback")
    assert three.aliases() == {"champion": 1, "previous": 1}


def test_of_two_equal_challengers_at_the_same_moment_only_one_is_promoted(three):
    three.registry.promote(three[3], "the first")
    decisions = []

    def judge(version: Version) -> None:
        own = Registry(three.registry.uri, three.registry.home)
        decisions.append(own.judge(version, BETTER_ONLY))

    threads = [threading.Thread(target=judge, args=(three[number],)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(decision.promote for decision in decisions) == [False, True]


def test_a_lock_that_is_never_freed_is_reported(three, monkeypatch):
    impatient = functools.partial(exclusive_lock, seconds=0.1)
    monkeypatch.setattr(client, "exclusive_lock", impatient)
    with (
        exclusive_lock(three.registry.home / "registry.lock"),
        pytest.raises(Locked, match="another process of this machine holds it"),
    ):
        three.registry.promote(three[1], "in vain")
    three.registry.promote(three[1], "now")
    assert three.aliases() == {"champion": 1}


def meanwhile(three, tmp_path, monkeypatch, numbers: Iterator[int]) -> None:
    """Have another machine promote these versions, one each time that version 1 is judged."""
    elsewhere = Registry(three.registry.uri, tmp_path / "another machine")
    read = three.registry.artifacts.candidate

    def while_they_promote(version: Version) -> Candidate:
        if version.number == "1" and (number := next(numbers, None)):
            elsewhere.promote(three[number], "theirs")
        return read(version)

    monkeypatch.setattr(three.registry.artifacts, "candidate", while_they_promote)


def test_a_champion_changed_from_another_machine_is_the_one_to_beat(three, tmp_path, monkeypatch):
    three.registry.promote(three[3], "the first")
    meanwhile(three, tmp_path, monkeypatch, iter([2]))
    assert not three.registry.judge(three[1], BETTER_ONLY).promote  # 3 it would have beaten
    assert three.aliases()["champion"] == 2
    assert three[1].decision == "refused"
    assert "p = 1" in three[1].reasons[-1]


def test_champions_that_change_without_end_are_said_and_nothing_is_decided(
    three, tmp_path, monkeypatch
):
    three.registry.promote(three[3], "the first")
    meanwhile(three, tmp_path, monkeypatch, itertools.cycle([2, 3]))
    with pytest.raises(RegistryError, match="got another champion each of the 3 times"):
        three.registry.judge(three[1], BETTER_ONLY)
    assert three[1].decision == "undecided"
    assert three.aliases()["champion"] in (2, 3)


RACE = """
import sys, time
from pathlib import Path
from pipelines.gate import Policy
from pipelines.locks import exclusive_lock
from pipelines.registry import client
from pipelines.registry.client import Registry

uri, home, number, start = sys.argv[1:]
registry = Registry(uri, Path(home))
version = registry.version("offline-digits", number)
time.sleep(max(0, float(start) - time.time()))
decision = registry.judge(version, Policy(max_relative_time=0))
print(decision.promote)
"""


@pytest.mark.slow
@pytest.mark.parametrize("machines", ["one machine", "two machines"])
def test_two_promotions_at_the_same_moment_leave_one_champion_and_two_decisions(
    three, tmp_path, machines
):
    three.registry.promote(three[3], "the first")
    start = time.time() + 20  # both have imported what they need
    racers = []
    for number in "12":
        home = three.registry.home if machines == "one machine" else tmp_path / f"machine {number}"
        command = [sys.executable, "-c", RACE, three.registry.uri, str(home), number, str(start)]
        racers.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    promoted = [racer.communicate(timeout=200)[0].strip() for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0]
    decisions = sorted([three[1].decision, three[2].decision])
    assert three.aliases()["champion"] in (1, 2)
    champion = three[three.aliases()["champion"]]
    assert champion.decision == "promoted"
    if machines == "one machine":  # elsewhere both may have beaten the old one in one moment
        assert sorted(promoted) == ["False", "True"]
        assert decisions == ["promoted", "refused"]
        assert three.aliases()["previous"] == 3
    assert "undecided" not in decisions
    assert all(three[number].reasons for number in (1, 2))


def test_a_registration_that_cannot_write_its_files_leaves_no_version(empty, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(empty.client, "log_model_artifacts", full)
    with pytest.raises(OSError, match="No space left"):
        empty.register(nearest_mean(GOOD))
    assert empty.client.search_model_versions() == []


# A real server


@dataclass
class Server:
    uri: str
    process: subprocess.Popen

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    """A real `mlflow server` that passes artifacts on, so that clients need no shared disk."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}"]
    command += ["--artifacts-destination", str(tmp_path / "server-artifacts")]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=os.environ | quiet, stdout=log, stderr=log, start_new_session=True
        )
    found = Server(f"http://127.0.0.1:{port}", process)
    try:
        while not answers(f"{found.uri}/health"):
            assert process.poll() is None, (tmp_path / "server.log").read_text()
            time.sleep(0.2)
        yield found
    finally:
        found.end()


def answers(url: str) -> bool:
    try:
        return urllib.request.urlopen(url, timeout=1).status == 200
    except OSError:
        return False


def test_a_file_that_a_server_lacks_is_missing_but_a_server_that_ended_is_unavailable(
    server, tmp_path, monkeypatch
):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    there = Workbench(server.uri, tmp_path / "client")
    version = there.register(nearest_mean(GOOD))
    for path in (tmp_path / "server-artifacts").rglob("validation.npz"):
        path.unlink()
    with pytest.raises(RegistryError, match=r"validation\.npz of .* cannot be read .* restore"):
        there.registry.artifacts.candidate(version)
    root = there.client.get_model_version_download_uri(NAME, "1")
    monkeypatch.setattr(there.client, "get_model_version_download_uri", lambda *_: root)
    server.end()
    with pytest.raises(TrackingUnavailable, match="does not answer"):
        there.registry.artifacts.onnx_bytes(version)


def test_the_whole_story_works_through_a_server_with_proxied_artifacts(server, tmp_path):
    there = Workbench(server.uri, tmp_path / "client")
    there.registry.promote(there.register(nearest_mean(WORSE)), "the first")
    model = nearest_mean(GOOD)
    assert there.registry.judge(there.register(model), BETTER_ONLY).promote
    assert there.aliases() == {"champion": 2, "previous": 1}
    assert there.client.get_model_version(NAME, "2").source.startswith("mlflow-artifacts:")
    restored = there.registry.artifacts.keras_model(there[2])
    registered = calibrated_nearest_mean(GOOD)
    np.testing.assert_allclose(restored.get_weights()[0], registered.get_weights()[0], rtol=1e-4)

    images, home = DIGITS.arrays["x_test"][:20], tmp_path / "serving"
    served = fetch(server.uri, NAME, "champion", home)
    np.testing.assert_allclose(served.predict(images), registered(images), atol=1e-5)
    assert there.registry.rollback(NAME).number == "1"
    assert fetch(server.uri, NAME, "champion", home).version == "1"
