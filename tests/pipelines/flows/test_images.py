"""Pictures of one's own: a registered model and a champion of their name, and the same loop."""

import shutil

import numpy as np
import pytest
from PIL import Image, ImageDraw
from prefect.logging import disable_run_logger

from ann_models import datasets
from ann_models.derive import derive
from ann_models.variants import VARIANTS
from pipelines.errors import WrongUse
from pipelines.flows import lecture, retraining, tasks
from pipelines.flows.context import Context
from pipelines.flows.drift import drift
from pipelines.flows.retraining import NoChampion, retrain
from pipelines.registry.data_sets import DataSetEntry
from pipelines.registry.versions import Version
from pipelines.tracking import tags
from tests.support.served import corrected, enter

pytestmark = pytest.mark.usefixtures("prefect")

SPLITS = ("train", "val", "test")
CHANGES = {"epochs": "30", "layers.1.units": "20"}


def shapes(folder, each: int = 60, seed: int = 0):
    """Rings and bars in white rooms: two classes that are told apart at once."""
    rng = np.random.default_rng(seed)
    for name in ("bar", "ring"):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            image = Image.new("L", (60, 60), 255)
            left, top, right, bottom = (rng.integers((5, 5, 38, 38), (20, 20, 56, 56))).tolist()
            draw, width = ImageDraw.Draw(image), int(rng.integers(3, 8))
            if name == "ring":
                draw.ellipse((left, top, right, bottom), outline=0, width=width)
            else:
                draw.line((left, top, right, bottom), fill=0, width=width)
            image.save(folder / name / f"{number}.png")
    return folder


def on(folder, name: str = "shapes") -> dict[str, str]:
    return CHANGES | {"data": f"images:{name}={folder}"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, prefect):
    """A state folder with a champion of shapes, their folder, and what the job reported."""
    home, folder = tmp_path_factory.mktemp("home"), shapes(tmp_path_factory.mktemp("data") / "set")
    with pytest.MonkeyPatch.context() as monkeypatch:
        enter(home, monkeypatch)
        return home, folder, lecture.lecture(["mnist_ann"], seeds=1, changes=on(folder))


@pytest.fixture
def folder(trained, monkeypatch):
    enter(trained[0], monkeypatch)
    return trained[1]


def versions(name: str) -> list[str]:
    return [version.number for version in Context.open().registry.versions(name)]


def test_the_model_has_the_sets_name_and_the_gate_makes_it_champion(trained, folder):
    report = trained[2]
    assert report.champion == {"name": "shapes", "version": "1"}
    assert report.rows[0].metrics["val_accuracy"] == 1
    assert "digit" not in " ".join(report.rows[0].metrics)
    assert versions("mnist-digits") == versions("offline-digits") == []


def test_the_comparison_that_the_job_links_is_that_of_own_pictures(trained):
    assert "viewStateShareKey=digits-own" in trained[2].views["digits"]


def test_its_entry_names_the_classes_and_where_they_were_found(folder):
    entry = Context.open().registry.data_sets.find("shapes")
    assert entry.classes == ("bar", "ring")
    assert entry.found_at == f"shapes={folder}"


def test_the_onnx_form_carries_the_names_of_the_classes(folder):
    import onnx

    registry = Context.open().registry
    model = onnx.load_from_string(registry.artifacts.onnx_bytes(registry.champion("shapes")))
    assert {p.key: p.value for p in model.metadata_props}["classes"] == '["bar", "ring"]'


def test_other_pictures_of_that_name_are_refused_and_nothing_is_registered(folder, tmp_path):
    other = shapes(tmp_path / "other", seed=1)
    with pytest.raises(WrongUse, match="shapes has other pictures or names of classes than before"):
        lecture.lecture(["mnist_ann"], seeds=1, changes=on(other))
    assert versions("shapes") == ["1"]


def test_a_set_whose_pictures_cannot_be_read_registers_nothing(folder, tmp_path):
    broken = shapes(tmp_path / "broken")
    (broken / "bar" / "3.png").write_bytes(b"no picture")
    with pytest.raises(WrongUse, match=r"1 of 120 pictures cannot be read: bar/3\.png"):
        lecture.lecture(["mnist_ann"], seeds=1, changes=on(broken, "broken"))
    assert Context.open().registry.data_sets.find("broken") is None


def test_what_a_set_repeats_is_said_before_it_is_trained_on(folder, tmp_path):
    path = tmp_path / "repeated.npz"
    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28), np.uint8)
    np.savez(path, x_train=np.concatenate([images] * 2), y_train=np.arange(80) % 4)
    context, notices = Context.open(), []
    context.progress.notice = notices.append
    with disable_run_logger():
        file = tasks.find_images.fn(context, f"repeated={path}")
    (notice,) = notices
    assert notice == f"{path}: 40 training pictures repeat others and are left out."
    assert sum(len(context.load_dataset(file.path).arrays[f"y_{p}"]) for p in SPLITS) == 40


def test_a_quick_look_registers_nothing(folder, tmp_path):
    lecture.lecture(["mnist_ann"], quick=True, changes=on(shapes(tmp_path / "quick"), "quick"))
    assert versions("quick") == []


@pytest.mark.slow
def test_drift_and_retraining_are_about_the_model_that_is_named(folder, trained, tmp_path):
    assert drift(model="shapes").verdict == "not enough"
    with pytest.raises(NoChampion):
        drift()
    people = datasets.image_set(f"people={shapes(tmp_path / 'people', seed=5)}").arrays
    _, first = np.unique(people["x_train"].reshape(-1, 784), axis=0, return_index=True)
    images, labels = people["x_train"][first], people["y_train"][first]
    corrected(trained[0], images, labels, model="shapes")
    corrected(trained[0], images[:3], np.full(3, 7), days_ago=2)  # of digits
    report = retrain(model="shapes")
    assert report.model == "shapes"
    assert sum(report.corrections.values()) == len(images)
    assert report.corrections["accepted"] > 0
    assert versions("shapes") == ["2", "1"]
    assert report.challengers[0].variant == Context.open().registry.version("shapes", "1").variant


def test_a_champion_of_a_table_without_like_is_retrained_by_a_row_that_is_named(tmp_path):
    found = f"shapes={shapes(tmp_path / 'set', each=12)}"
    entry = DataSetEntry("shapes", found, ("bar", "ring"), "0" * 64)
    champion = Version("shapes", "1", "", ("champion",), {"variant": "mine"})
    (chosen,) = retraining._on_images(champion, entry, ["mnist_ann"])
    assert chosen.data == f"images:{found}"
    with pytest.raises(WrongUse, match="mine is not a row of the lecture"):
        retraining._on_images(champion, entry, None)


def test_the_order_in_which_a_store_lists_what_differs_means_nothing(tmp_path):
    found = f"shapes={shapes(tmp_path / 'set', each=12)}"
    entry = DataSetEntry("shapes", found, ("bar", "ring"), "0" * 64)
    changes = {"epochs": "7", "batch_size": "16", "data": f"images:{found}"}
    trained = derive(VARIANTS["mnist_ann"], changes)
    listed = tags.of_changes(dict(reversed(trained.changes)))
    about = {tags.VARIANT: trained.name, tags.DERIVED_FROM: "mnist_ann"} | listed
    champion = Version("shapes", "1", "", ("champion",), about)
    (chosen,) = retraining._on_images(champion, entry, None)
    assert (chosen.name, chosen.epochs, chosen.batch_size) == (trained.name, 7, 16)


def test_a_folder_that_is_gone_is_named(folder, monkeypatch, tmp_path):
    hidden = folder.with_name("moved")
    shutil.move(folder, hidden)
    try:
        with pytest.raises(Exception, match=f"there is no {folder}"):
            retrain(force=True, model="shapes")
    finally:
        shutil.move(hidden, folder)
