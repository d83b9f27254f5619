"""What if: a row with something changed; what cannot be meant is refused with what can."""

from dataclasses import replace

import numpy as np
import pytest

from ann_models import datasets
from ann_models.derive import apply, derive, derived_name, parse_changes
from ann_models.digits.augmentation import Augmentation
from ann_models.entry import SGD, Adam, Dense, Dropout, EarlyStopping, Flatten, Penalty
from ann_models.errors import InvalidSetting
from ann_models.recipes import RECIPES
from ann_models.studies import study_of
from ann_models.training import train
from ann_models.variants import AUGMENTATION, VARIANTS

ROWS = [v for v in VARIANTS.values() if v.layers and v not in RECIPES]


def changed(name: str, *texts: str):
    return derive(VARIANTS[name], parse_changes(texts))


class TestWhatIsChanged:
    @pytest.mark.parametrize(
        ("name", "text", "expected"),
        [
            ("relu_regression_4", "epochs=2000", {"epochs": 2000}),
            ("relu_regression_4", "batch_size=8", {"batch_size": 8}),
            (
                "relu_regression_4",
                "layers.0.activation=tanh",
                {"layers": (Dense(4, "tanh"), Dense(1, use_bias=False))},
            ),
            (
                "relu_regression_4",
                "layers.0.units=30",
                {"layers": (Dense(30, "relu"), Dense(1, use_bias=False))},
            ),
            (
                "relu_regression_4",
                "layers.0+=dense 8 tanh",
                {"layers": (Dense(4, "relu"), Dense(8, "tanh"), Dense(1, use_bias=False))},
            ),
            ("relu_regression_4", "layers.0=none", {"layers": (Dense(1, use_bias=False),)}),
            (
                "relu_regression_4",
                "layers=dense 8 relu; dense 1",
                {"layers": (Dense(8, "relu"), Dense(1))},
            ),
            (
                "relu_regression_4",
                "dropout=0.2",
                {"layers": (Dense(4, "relu"), Dropout(0.2), Dense(1, use_bias=False))},
            ),
            (
                "overfit_dropout",
                "dropout=0",
                {"layers": VARIANTS["overfit_base"].layers},
            ),
            ("relu_regression_4", "optimizer=sgd", {"optimizer": SGD()}),
            ("relu_regression_4", "optimizer.learning_rate=1e-2", {"optimizer": Adam(0.01)}),
            ("overfit_base", "penalty.strength=0.1", {"penalty": Penalty("l2", 0.1)}),
            ("overfit_l2_0.1", "penalty.norm=l1", {"penalty": Penalty("l1", 0.1)}),
            ("overfit_l2_0.1", "penalty=none", {"penalty": None}),
            ("nonlinear_classification", "loss=mse", {"loss": "mse"}),
            ("linear_classification", "data.size=50", {"data": "linear size=50"}),
            ("relu_regression_4", "data.noise=0.3", {"data": "cubic noise=0.3"}),
            ("linear_classification", "data=nonlinear", {"data": "nonlinear"}),
            ("mnist_ann", "data.size=1000", {"train_size": 1000}),
            ("mnist_ann", "augmentation=lecture", {"augmentation": AUGMENTATION}),
            ("mnist_augmented", "augmentation=none", {"augmentation": None}),
            (
                "mnist_augmented",
                "augmentation.rotation=20",
                {"augmentation": replace(AUGMENTATION, rotation=20.0)},
            ),
            (
                "overfit_early_stopping",
                "early_stopping.patience=50",
                {"early_stopping": EarlyStopping(50)},
            ),
        ],
    )
    def test_one_key_changes_one_thing_and_nothing_else(self, name, text, expected):
        made = changed(name, text)
        said = {"name", "look_at", "study", "derived_from", "changes", "registered"}
        assert {
            field: value
            for field, value in vars(made).items()
            if field not in said and value != getattr(VARIANTS[name], field)
        } == expected
        assert not made.registered  # a copy is never a candidate for the service
        assert made.derived_from == name
        assert made.changes == (tuple(text.replace("+=", "+\0=").replace("\0", "").split("=", 1)),)

    def test_keys_number_the_layers_of_the_origin_whatever_else_is_changed(self):
        made = changed("overfit_base", "layers.0=none", "layers.1.units=7", "layers.1+=dropout 0.5")
        assert made.layers[0] == Dense(7, "sigmoid")
        assert made.layers[1] == Dropout(0.5)

    def test_dropout_follows_the_activation_of_each_hidden_dense_layer_alone(self):
        for name in ("mnist_ann", "mnist_cnn"):
            *first, output = VARIANTS[name].layers
            assert changed(name, "dropout=0.2").layers == (*first, Dropout(0.2), output)

    @pytest.mark.parametrize(
        ("name", "texts", "expected"),
        [
            (
                "relu_regression_4",
                ["optimizer=sgd", "optimizer.momentum=0.9"],
                {"optimizer": SGD(0.01, 0.9)},
            ),
            (
                "relu_regression_4",
                ["layers.0=dense 8 tanh", "layers.0.units=3"],
                {"layers": (Dense(3, "tanh"), Dense(1, use_bias=False))},
            ),
            (
                "mnist_augmented",
                ["augmentation=none", "augmentation.shift=1"],
                {"augmentation": Augmentation(shift=1)},
            ),
            ("relu_regression_4", ["data=linear", "data.size=50"], {"data": "linear size=50"}),
            ("overfit_base", ["penalty=l1", "penalty.strength=1"], {"penalty": Penalty("l1", 1)}),
        ],
    )
    def test_a_whole_comes_before_its_parts_in_whatever_order_they_are_given(
        self, name, texts, expected
    ):
        for ordered in (texts, texts[::-1]):
            made, _ = apply(VARIANTS[name], parse_changes(ordered))
            assert made == replace(VARIANTS[name], **expected)

    @pytest.mark.parametrize(
        "texts",
        [
            ["optimizer=sgd", "optimizer.momentum=0.9"],
            ["optimizer=sgd", "optimizer.learning_rate=0.001"],  # Adam's, not that of SGD
        ],
    )
    def test_what_makes_a_difference_only_beside_another_change_is_in_name_and_changes(self, texts):
        made = changed("relu_regression_4", *texts)
        assert made.name == "+".join(["relu_regression_4", *texts])
        assert [f"{key}={value}" for key, value in made.changes] == texts

    def test_what_makes_no_difference_beside_another_change_is_not(self):
        made = changed("relu_regression_4", "optimizer=sgd", "optimizer.learning_rate=0.01")
        assert made == changed("relu_regression_4", "optimizer=sgd")

    def test_what_is_as_before_is_no_change(self):
        assert changed("relu_regression_4", "epochs=4000") is VARIANTS["relu_regression_4"]
        assert changed("relu_regression_4", "epochs=4000", "batch_size=8").changes == (
            ("batch_size", "8"),
        )

    def test_the_name_says_what_differs_and_may_be_a_file(self):
        assert changed("relu_regression_4", "layers.0.activation=tanh", "epochs=20").name == (
            "relu_regression_4+epochs=20+layers.0.activation=tanh"
        )
        assert "/" not in derived_name("row", {"data": "/home/me/a b.csv"})

    def test_the_order_in_which_changes_are_given_makes_no_other_variant(self):
        texts = ["layers.0.units=9", "epochs=20", "optimizer=sgd", "layers.0=dense 8 tanh"]
        assert changed("relu_regression_4", *texts) == changed("relu_regression_4", *texts[::-1])

    def test_long_names_stay_short_and_distinct(self):
        long = {f"layers.{i}.units": str(i) for i in range(20)}
        names = {derived_name("row", long | {"epochs": str(n)}) for n in (1, 2)}
        assert len(names) == 2
        assert max(map(len, names)) <= 120


class TestWhatCannotBeMeant:
    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("relu_regression_4", "epoch=3", "did you mean epochs"),
            ("relu_regression_4", "layers.0.activations=tanh", "did you mean activation"),
            ("relu_regression_4", "layers.0.activation=tan", "did you mean tanh"),
            ("relu_regression_4", "layers.0.units=0", "units must be 1 to 100,000, not 0"),
            ("relu_regression_4", "layers.0.units=four", "expected a whole number"),
            ("relu_regression_4", "layers.7.units=3", "the layers are 0 dense 4 relu, 1 dense 1"),
            ("relu_regression_4", "layers.0+=dens 3", "did you mean dense"),
            ("relu_regression_4", "layers.1.units=2", "has 2 units; regression needs 1"),
            ("linear_classification", "layers.0.activation=softmax", "did you mean sigmoid"),
            ("relu_regression_4", "loss=binary_crossentropy", "did you mean mse"),
            ("mnist_ann", "loss=mse", "did you mean sparse_categorical_crossentropy"),
            ("mnist_ann", "layers.2.activation=sigmoid", "digits need softmax"),
            ("mnist_ann", "layers.0=none", "put flatten before it"),
            ("mnist_ann", "layers.1+=conv 8 3", "needs images"),
            ("mnist_ann", "layers.1.activation=softmax", "did you mean sigmoid, tanh or relu"),
            ("relu_regression_4", "epochs=0", "expected 1 to 1,000,000"),
            ("relu_regression_4", "optimizer.learning_rate=0", "more than 0"),
            ("relu_regression_4", "optimizer.learning_rate=nan", "finite"),
            ("relu_regression_4", "optimizer.momentum=0.9", "set optimizer=sgd, too"),
            ("relu_regression_4", "optimizer=adamw", "did you mean adam"),
            ("relu_regression_4", "dropout=1", "less than 1"),
            ("relu_regression_4", "penalty=l3", "did you mean l2 or l1|did you mean l1 or l2"),
            ("relu_regression_4", "augmentation.shift=1", "for points there is data.noise"),
            ("relu_regression_4", "early_stopping.patience=5", "ten_points_held_out"),
            ("relu_regression_4", "data=cubik", "did you mean cubic"),
            ("relu_regression_4", "data=linear", "two classes need sigmoid"),
            ("relu_regression_4", "data=nowhere.csv", "there is no file"),
            ("relu_regression_4", "data=~nosuchuser/a.csv", "is no path that can be read"),
            ("mnist_ann", "data=images:letters=~nosuchuser/a", "is no path that can be read"),
            ("relu_regression_4", "layers=dense 8; dens 1", "did you mean dense"),
            ("relu_regression_4", "data.size=3", "10 to 1,000,000"),
            ("overfit_base", "data.size=30", "fixed size"),
            ("relu_regression_4", "data.noise=-1", "0 to 1,000,000"),
            ("mnist_ann", "data.noise=1", "augmentation.noise"),
            ("perceptron", "epochs=3", "has no network of its own"),
            ("relu_regression_4", "epochs=10000000000", "expected 1 to 1,000,000"),
            ("relu_regression_4", "batch_size=10000000000", "expected 1 to 1,000,000"),
            ("relu_regression_4", "layers.0.units=1000000000", "units must be 1 to 100,000"),
            ("relu_regression_4", "layers.0+=dense 1000000000", "units must be 1 to 100,000"),
            ("relu_regression_4", "optimizer.learning_rate=1e9", "more than 0 and at most 1,000"),
            ("relu_regression_4", "penalty.strength=1e99", "expected 0 to 1,000,000"),
            ("relu_regression_4", "data.noise=1e99", "expected 0 to 1,000,000"),
            ("overfit_early_stopping", "early_stopping.patience=1e10", "whole number"),
            ("overfit_early_stopping", "early_stopping.patience=10000000", "1 to 1,000,000"),
            ("mnist_ann", "augmentation.elastic_sigma=1e9", "more than 0 and at most 28"),
            ("mnist_ann", "augmentation.shift=-1", "expected 0 to 28"),
            ("mnist_ann", "data.size=50001", "expected 10 to 50,000 digits"),
            ("mnist_cnn", "layers.0.kernel=99", "kernel must be 1 to 28, not 99"),
        ],
    )
    def test_it_is_refused_with_the_value_and_the_nearest_that_can(self, name, text, message):
        with pytest.raises(InvalidSetting, match=message):
            changed(name, text)

    @pytest.mark.parametrize(
        ("name", "texts", "message"),
        [
            ("overfit_base", ["layers.1=none", "layers.1.units=3"], "layers.1=none removes"),
            ("overfit_base", ["penalty=none", "penalty.strength=3"], "penalty=none removes"),
            ("overfit_base", ["penalty=none", "penalty.norm=l1"], "penalty=none removes"),
            ("overfit_dropout", ["dropout=0", "layers.1.rate=0.3"], "dropout=0 sets every rate"),
            ("overfit_base", ["dropout=0.1", "layers.0+=dropout 0.3"], "dropout=0.1 sets every"),
        ],
    )
    def test_changes_that_contradict_each_other_are_refused_in_any_order(
        self, name, texts, message
    ):
        for ordered in (texts, texts[::-1]):
            with pytest.raises(InvalidSetting, match=message):
                changed(name, *ordered)

    def test_every_fault_is_said_at_once(self):
        with pytest.raises(InvalidSetting) as refused:
            changed("relu_regression_4", "epoch=3", "layers.0.units=0", "loss=hinge")
        for part in ("'epoch'", "units must be", "loss=hinge"):
            assert part in str(refused.value)

    @pytest.mark.parametrize("text", ["epochs", "=3", "epochs=", ""])
    def test_a_text_without_key_or_value_is_refused(self, text):
        with pytest.raises(InvalidSetting, match="expected key=value"):
            parse_changes([text])

    def test_a_key_that_comes_twice_is_refused(self):
        with pytest.raises(InvalidSetting, match="set twice"):
            parse_changes(["epochs=1", "epochs=2"])


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("xor_mlp", ["layers.0.activation=relu"]),
        ("linear_classification", ["layers.0+=dense 1 sigmoid", "data.size=20"]),
        ("linear_classification", ["data=nonlinear", "data.noise=0.5"]),
        ("nonlinear_classification", ["layers.0.activation=tanh"]),
        ("nonlinear_classification", ["layers.0.units=5", "loss=mse"]),
        ("relu_regression_4", ["layers.0.activation=tanh", "data.noise=0.1"]),
        ("relu_regression_4", ["layers.0+=dense 3 relu"]),
        ("relu_regression_2", ["data=ten_points"]),
        ("overfit_base", ["data=cubic", "data.size=20"]),
        ("overfit_dropout", ["dropout=0"]),
        ("overfit_dropout", ["layers.7=none"]),
        ("overfit_batch_norm", ["layers.1=none", "layers.4=none"]),
        ("overfit_early_stopping", ["layers.0.units=5"]),
        ("overfit_base", ["penalty.strength=0.1"]),
    ],
)
def test_a_changed_row_trains_and_its_study_shows_it(name, texts):
    variant = replace(changed(name, *texts), epochs=2)
    data = datasets.generate(variant.data, 0)
    findings = study_of(variant)(variant, data, train(variant, data, (0, 1)))
    assert findings.figures
    assert np.isfinite(list(findings.metrics.values())).all()


class TestPictures:
    @pytest.fixture
    def letters(self, tmp_path) -> str:
        for name in ("A", "B", "C"):
            (tmp_path / "letters" / name).mkdir(parents=True)
        return f"images:letters={tmp_path / 'letters'}"

    def test_the_last_layer_has_a_unit_a_class(self, letters):
        made = changed("mnist_ann", f"data={letters}", "layers.1.units=50")
        assert made.layers[1:] == (Dense(50, "relu"), Dense(3, "softmax"))
        assert made.data == letters
        assert made.study == "mnist"
        assert made.has_images

    def test_its_name_is_the_sets_and_it_is_a_candidate(self, letters):
        made = changed("mnist_ann", f"data={letters}")
        assert made.name == "mnist_ann+data=letters"
        assert made.registered
        assert not changed("mnist_ann", "epochs=3").registered

    def test_it_has_a_unit_a_class_in_whatever_layers_are_set(self, letters):
        made = changed("mnist_ann", f"data={letters}", "layers=flatten; dense 9 softmax")
        assert made.layers == (Flatten(), Dense(3, "softmax"))

    def test_a_relative_folder_is_kept_whole(self, letters, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        made = changed("mnist_ann", "data=images:letters=letters")
        assert dict(made.changes) == {"data": letters}

    @pytest.mark.parametrize(
        ("name", "sentence"),
        [
            ("relu_regression_4", "layers.0 .Dense. needs vectors: put flatten before it"),
            ("handwriting_cnn", "learns from generated digits"),
            ("mnist_samples", "has no network of its own"),
        ],
    )
    def test_rows_for_other_data_are_refused(self, letters, name, sentence):
        with pytest.raises(InvalidSetting, match=sentence):
            changed(name, f"data={letters}")


def test_points_are_held_out_for_early_stopping_in_whatever_order_it_is_asked_for(tmp_path):
    path = tmp_path / "held_out_points.csv"
    path.write_text("1,2\n3,4\n5,6\n7,8\n")
    changes = {"data": str(path), "early_stopping.patience": "20"}
    origin = VARIANTS["relu_regression_4"]
    for ordered in (changes, dict(reversed(changes.items()))):
        assert derive(origin, ordered).data == f"held_out points:{path}"
    assert derive(origin, {"data": str(path)}).data == f"points:{path}"


class TestOwnPoints:
    @pytest.fixture
    def two(self, tmp_path):
        """Two files of one name."""
        for folder in ("monday", "tuesday"):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "points.csv").write_text("1,2\n3,4\n5,6\n7,8\n")
        return [tmp_path / folder / "points.csv" for folder in ("monday", "tuesday")]

    def test_files_of_one_name_in_two_folders_make_two_names(self, two):
        names = [changed("relu_regression_4", f"data={path}").name for path in two]
        assert len(set(names)) == 2
        assert all(name.startswith("relu_regression_4+data=points.csv-") for name in names)

    def test_one_file_has_one_name_however_its_path_is_written(self, two, monkeypatch):
        monkeypatch.chdir(two[0].parent)
        texts = ["points.csv", "../monday/points.csv", "points:points.csv", str(two[0])]
        made = [changed("relu_regression_4", f"data={text}") for text in texts]
        assert len({each.name for each in made}) == 1
        assert {each.data for each in made} == {f"points:{two[0]}"}
        assert {dict(each.changes)["data"] for each in made} == {str(two[0])}

    def test_its_sentence_has_no_folder_of_this_machine(self, two):
        assert str(two[0].parent) not in changed("relu_regression_4", f"data={two[0]}").look_at


def test_the_sentence_on_pictures_has_no_folder_of_this_machine(tmp_path):
    for name in ("A", "B"):
        (tmp_path / name).mkdir()
    made = changed("mnist_ann", f"data=images:letters={tmp_path}")
    assert made.look_at == "mnist_ann with data=letters."


def test_points_of_any_suffix_are_named_so_that_they_are_found_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "points.dat").write_text("1,2\n3,4\n5,6\n7,8\n")
    origin = VARIANTS["relu_regression_4"]
    made = derive(origin, {"data": "points:points.dat"})
    assert made.name.startswith("relu_regression_4+data=points.dat-")
    assert derive(origin, dict(made.changes)) == made
