import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from ann_models import archives
from ann_models.datasets import Dataset, digits, digits_subset, generate, stratified_order
from ann_models.errors import InvalidData, UnknownName

GENERATED = ["gates", "xor", "linear", "nonlinear", "cubic", "ten_points", "ten_points_held_out"]


@pytest.fixture(scope="module")
def offline() -> Dataset:
    return digits("offline-digits")


def xy(name: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    arrays = generate(name, seed).arrays
    return arrays["x_train"], arrays["y_train"]


class TestDigest:
    @given(arrays_of.arrays(np.float32, arrays_of.array_shapes(max_dims=3, max_side=4)), st.data())
    def test_any_changed_bit_changes_it(self, x, data):
        changed = x.copy()
        place = data.draw(st.integers(0, x.nbytes - 1))
        changed.view(np.uint8).reshape(-1)[place] ^= 1 << data.draw(st.integers(0, 7))
        assert digest(x_train=changed) != digest(x_train=x)

    def test_equal_content_has_an_equal_digest_in_any_order_and_layout(self):
        x, y = np.arange(6.0).reshape(2, 3), np.ones(2)
        assert digest(x_train=x, y_train=y) == digest(y_train=y, x_train=np.asfortranarray(x))

    @pytest.mark.parametrize(
        "other",
        [
            {"x_val": np.zeros((2, 3), np.float32)},
            {"x_train": np.zeros((3, 2), np.float32)},
            {"x_train": np.zeros((2, 3), np.int32)},
            {"x_train": np.zeros((2, 3), np.float32), "y_train": np.zeros(0)},
        ],
        ids=["name", "shape", "dtype", "one more"],
    )
    def test_names_shapes_and_types_count_too(self, other):
        assert digest(**other) != digest(x_train=np.zeros((2, 3), np.float32))

    def test_is_a_full_sha_256(self):
        assert len(bytes.fromhex(digest(x_train=np.zeros(3)))) == 32


def digest(**arrays: np.ndarray) -> str:
    return Dataset("any", "generated", arrays).digest


class TestFile:
    @pytest.mark.parametrize("name", [*GENERATED, "none"])
    def test_a_data_set_survives_its_file(self, tmp_path, name):
        before = generate(name, seed=3)
        before.save(tmp_path / "data.npz")
        after = Dataset.load(tmp_path / "data.npz")
        assert (after.name, after.source, after.digest) == (name, "generated", before.digest)

    def test_content_that_does_not_match_its_digest_is_refused(self, tmp_path):
        path = tmp_path / "data.npz"
        generate("xor", seed=0).save(path)
        arrays = archives.read(path)
        archives.write(path, arrays | {"y_train": 1 - arrays["y_train"]})
        with pytest.raises(InvalidData, match="saved with"):
            Dataset.load(path)

    def test_a_file_of_another_kind_is_refused(self, tmp_path):
        np.savez(tmp_path / "data.npz", x_train=np.zeros(3))
        with pytest.raises(InvalidData, match="has no 'name'"):
            Dataset.load(tmp_path / "data.npz")


def test_a_data_set_cannot_be_changed_in_place():
    original = np.zeros(3)
    data = Dataset("any", "generated", {"x_train": original})
    with pytest.raises(ValueError, match="read-only"):
        data.arrays["x_train"][0] = 1
    original[0] = 1  # the caller's own array stays writable


class TestGenerators:
    @pytest.mark.parametrize("name", GENERATED)
    def test_tables_are_float32_with_a_row_for_each_example(self, name):
        x, y = xy(name)
        assert x.dtype == y.dtype == np.float32
        assert x.ndim == y.ndim == 2
        assert len(x) == len(y)

    @pytest.mark.parametrize("name", ["linear", "nonlinear", "cubic"])
    def test_random_data_depends_on_the_seed_alone(self, name):
        assert generate(name, 1).digest == generate(name, 1).digest
        assert generate(name, 1).digest != generate(name, 2).digest

    @pytest.mark.parametrize("name", ["gates", "xor", "ten_points", "ten_points_held_out"])
    def test_the_lectures_fixed_points_are_the_same_for_every_seed(self, name):
        assert generate(name, 1).digest == generate(name, 2).digest

    def test_gates_are_the_truth_tables(self):
        truth = {tuple(x): tuple(y) for x, y in zip(*xy("gates"), strict=True)}
        assert truth == {(0, 0): (0, 0, 0), (0, 1): (0, 1, 1), (1, 0): (0, 1, 1), (1, 1): (1, 1, 0)}

    def test_xor_is_one_where_the_inputs_differ(self):
        x, y = xy("xor")
        np.testing.assert_array_equal(y[:, 0], x[:, 0] != x[:, 1])

    def test_linear_classes_lie_on_either_side_of_the_lectures_line(self):
        x, y = xy("linear")
        assert x.shape == (1000, 2)
        assert 0 <= x[:, 0].min() < 0.1 < 7.9 < x[:, 0].max() <= 8
        assert -4 <= x[:, 1].min() < -3.9 < 2.9 < x[:, 1].max() <= 3
        clear = np.abs(side := 0.8 * x[:, 0] + x[:, 1] - 3) > 1e-5
        np.testing.assert_array_equal(y[clear, 0], (side >= 0)[clear])

    def test_nonlinear_classes_lie_on_either_side_of_the_lectures_parabola(self):
        x, y = xy("nonlinear")
        assert x.shape == (1000, 2)
        assert -5 <= x[:, 0].min() < -4.9 < 4.9 < x[:, 0].max() <= 5
        assert -4 <= x[:, 1].min() < -3.9 < 3.9 < x[:, 1].max() <= 4
        clear = np.abs(side := -0.5 * (x[:, 0] - 1) ** 2 + 2 * x[:, 1] + 5) > 1e-4
        np.testing.assert_array_equal(y[clear, 0], (side >= 0)[clear])

    def test_cubic_points_lie_on_the_lectures_curve(self):
        x, y = xy("cubic")
        assert x.shape == y.shape == (1000, 1)
        assert -1.5 <= x.min() < -1.4 < 1.4 < x.max() <= 1.5
        np.testing.assert_allclose(y, x**3 + 0.1 * x**2 - x + 0.1, atol=1e-5)

    def test_ten_points_are_the_lectures(self):
        x, y = xy("ten_points")
        np.testing.assert_allclose(x[:, 0], np.arange(-4.5, 5))
        values = [0.9819, 0.7973, 1.9737, 0.1838, 1.318, -0.8361, -0.6591, -2.4701, -2.8122]
        np.testing.assert_array_equal(y[:, 0], np.float32([*values, -6.2512]))

    def test_held_out_points_lie_between_training_points(self):
        arrays = generate("ten_points_held_out", 0).arrays
        x = np.concatenate([arrays["x_train"], arrays["x_val"]])
        y = np.concatenate([arrays["y_train"], arrays["y_val"]])
        whole = xy("ten_points")
        order = np.argsort(x[:, 0])
        np.testing.assert_array_equal(x[order], whole[0])
        np.testing.assert_array_equal(y[order], whole[1])
        assert len(arrays["x_val"]) == 3
        assert arrays["x_train"].min() < arrays["x_val"].min()
        assert arrays["x_val"].max() < arrays["x_train"].max()

    def test_none_has_no_arrays(self):
        assert generate("none", 0).arrays == {}

    def test_an_unknown_name_brings_the_nearest_names(self):
        with pytest.raises(UnknownName, match=r"'cubik'; did you mean cubic\?"):
            generate("cubik", 0)
        with pytest.raises(UnknownName, match="expected one of none, gates, xor, linear"):
            generate("#", 0)


class TestStratifiedOrder:
    @given(st.lists(st.integers(0, 4), min_size=1, max_size=200))
    def test_every_beginning_has_each_class_in_its_due_share(self, labels):
        labels = np.array(labels)
        order = stratified_order(labels)
        assert sorted(order) == list(range(len(labels)))
        classes = np.unique(labels)
        for label in classes:
            share = np.mean(labels == label)
            due = share * np.arange(1, len(labels) + 1)
            assert np.abs(np.cumsum(labels[order] == label) - due).max() <= 1 + len(classes) * share

    def test_is_random_within_a_class_yet_always_the_same(self):
        labels = np.zeros(100, int)
        order = stratified_order(labels)
        np.testing.assert_array_equal(order, stratified_order(labels))
        assert (order != np.arange(100)).mean() > 0.9


class TestDigits:
    def test_offline_digits_are_split_into_disjoint_stratified_parts(self, offline):
        arrays = offline.arrays
        assert (offline.name, offline.source) == ("digits", "offline-digits")
        for part, n in (("train", 1197), ("val", 300), ("test", 300)):
            x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
            assert (x.shape, x.dtype) == ((n, 28, 28), np.float32)
            assert (y.shape, y.dtype) == ((n,), np.int32)
            shares = np.bincount(y, minlength=10) / n
            assert shares.min() > 0.09
            assert shares.max() < 0.11
        every = np.concatenate([arrays[f"x_{part}"] for part in ("train", "val", "test")])
        assert len(np.unique(every, axis=0)) == 1797

    def test_subsets_are_nested_and_leave_validation_and_test_alone(self, offline):
        small, large = digits_subset(offline, 100), digits_subset(offline, 500)
        assert small.name == "digits_100"
        np.testing.assert_array_equal(small.arrays["x_train"], large.arrays["x_train"][:100])
        assert np.bincount(small.arrays["y_train"]).min() >= 9
        for name in ("x_val", "y_val", "x_test", "y_test"):
            np.testing.assert_array_equal(small.arrays[name], offline.arrays[name])
        assert digits_subset(offline, 1197).digest == offline.digest

    @pytest.mark.parametrize("n", [0, -5, 1198])
    def test_an_impossible_subset_is_refused_with_the_range(self, offline, n):
        with pytest.raises(InvalidData, match=f"{n} training digits .* 1 to 1197"):
            digits_subset(offline, n)

    def test_an_unknown_source_is_refused(self):
        with pytest.raises(UnknownName, match="'emnist'; expected mnist or offline-digits"):
            digits("emnist")

    def test_mnist_is_split_into_its_training_validation_and_test_digits(self, mnist):
        arrays = mnist.arrays
        assert (mnist.name, mnist.source) == ("digits", "mnist")
        for part, n in (("train", 50_000), ("val", 10_000), ("test", 10_000)):
            x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
            assert (x.shape, x.dtype) == ((n, 28, 28), np.float32)
            assert (y.shape, y.dtype) == ((n,), np.int32)
            assert (x.min(), x.max()) == (0, 1)
        known = np.array([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
        train, val = (np.bincount(arrays[f"y_{part}"]) for part in ("train", "val"))
        np.testing.assert_array_equal(train + val, known)
        np.testing.assert_allclose(val, known / 6, atol=2)

    def test_mnists_split_never_changes(self, mnist):
        """Every stored comparison between models rests on it."""
        assert mnist.digest == "f9b2cfe5f183224f1a0e5fcbbe292f07a5bce25db8754aed3aa764032a5fbda6"


def test_the_rooms_door_opens_without_heavy_libraries():
    code = (
        "import sys, ann_models.datasets, ann_models.digits.augmentation;"
        "print(*{'tensorflow', 'keras', 'sklearn', 'scipy', 'matplotlib', 'mlflow', 'prefect'}"
        " & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == ""


@pytest.mark.parametrize(
    ("lines", "classes"),
    [
        ("0,0,ill\n1,0,healthy\n0,1,ill\n1,1,ill\n", ("healthy", "ill")),
        ("0,0\n1,0\n2,1\n3,1\n", ()),
    ],
    ids=["classification", "regression"],
)
def test_points_of_ones_own_know_what_their_file_calls_the_classes(tmp_path, lines, classes):
    (tmp_path / "own.csv").write_text(lines)
    data = generate(f"points:{tmp_path / 'own.csv'}", 0)
    data.save(tmp_path / "own.npz")
    assert Dataset.load(tmp_path / "own.npz").classes == classes
