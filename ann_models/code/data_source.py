"""The parts of a script that depend on the data: its arrays, the input, distortions, the panel."""

from __future__ import annotations

from pathlib import Path

from ann_models import data_name, points
from ann_models.data_name import DataName
from ann_models.datasets import DATA_SEED, MNIST_VALIDATION, SPLIT_SEED
from ann_models.digits.augmentation import Augmentation
from ann_models.entry import Variant
from ann_models.errors import UnsupportedLayer
from ann_models.sound import kind_of

_TEN_POINTS = """\
x = np.linspace(-4.5, 4.5, 10).reshape(-1, 1).astype('float32')
y = np.array([0.9819, 0.7973, 1.9737, 0.1838, 1.3180, -0.8361, -0.6591, -2.4701, -2.8122, -6.2512],
             dtype = 'float32').reshape(-1, 1)
"""
_GENERATED = {
    "xor": """\
train_x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype = 'float32')
train_y = np.array([[0], [1], [1], [0]], dtype = 'float32')""",
    "linear": """\
rng = np.random.default_rng([{seed}, *b'linear'])
train_x = rng.random(({size}, 2)) * [8, 7] - [0, 4]
train_y = (train_x @ [[0.8], [1.0]] >= 3).astype('float32')
train_x = train_x.astype('float32')""",
    "nonlinear": """\
rng = np.random.default_rng([{seed}, *b'nonlinear'])
train_x = rng.random(({size}, 2)) * [10, 8] - [5, 4]
train_y = (-0.5 * (train_x[:, :1] - 1)**2 + 2 * train_x[:, 1:] + 5 >= 0).astype('float32')
train_x = train_x.astype('float32')""",
    "cubic": """\
rng = np.random.default_rng([{seed}, *b'cubic'])
train_x = rng.uniform(-1.5, 1.5, ({size}, 1))
train_y = (train_x**3 + 0.1 * train_x**2 - train_x + 0.1).astype('float32')
train_x = train_x.astype('float32')""",
    "ten_points": f"{_TEN_POINTS}train_x, train_y = x, y",
    "ten_points_held_out": f"""\
{_TEN_POINTS}held_out = np.isin(np.arange(10), [1, 4, 7])
train_x, train_y, val_x, val_y = x[~held_out], y[~held_out], x[held_out], y[held_out]""",
}
_DIGITS = """\
(x, y), (test_x, test_y) = tf.keras.datasets.mnist.load_data()
x, test_x = x / np.float32(255), test_x / np.float32(255)
rng = np.random.default_rng({split_seed})  # the pipeline's fixed, stratified split
place = np.empty(len(y))
for digit in range(10):
    members = rng.permutation(np.flatnonzero(y == digit))
    place[members] = (np.arange(len(members)) + rng.random(len(members))) / len(members)
order = np.argsort(place, kind = 'stable')
train, val = order[:-{validation}]{size}, order[-{validation}:]
train_x, train_y, val_x, val_y = x[train], y[train], x[val], y[val]"""

_DISTORTION = """\
blur = np.exp(-np.subtract.outer(np.arange(28), np.arange(28))**2 / (2 * {sigma!r}**2))
values, vectors = np.linalg.eigh(blur / ({sigma!r} * np.sqrt(2 * np.pi)))
smooth = (vectors * np.sign(vectors[0]) * values)[:, values > 0.01].astype('float32')
def uniform(shape, seed):  # U(-1, 1)
    draws = tf.random.stateless_uniform(shape, seed, None, None, tf.int32, alg = 'philox')
    return tf.cast(draws, tf.float32) * 2.0**-31
class Distortion(tf.keras.layers.Layer):  # shift, rotation, elastic (Simard et al. 2003)
    def build(self, shape):
        self.step = self.add_weight(dtype = 'int32', initializer = 'zeros', trainable = False)
    def call(self, images, training = False):
        if not training: return images
        seed, n = tf.stack([{seed}, self.step.assign_add(1) - 1]), tf.shape(images)[0]
        bounds = [{shift!r}, {shift!r}, np.radians({rotation!r}), 0, 0, 0]
        down, right, angle, *_ = tf.unstack(uniform([n, 1, 1, 6], seed) * bounds, axis = -1)
        other = tf.random.experimental.stateless_fold_in(seed, 1, alg = 'philox')
        field = uniform([2, n, smooth.shape[1], smooth.shape[1]], other)
        field, x = {alpha!r} * (smooth @ field @ smooth.T), np.float32(np.arange(28) - 13.5)
        rows = tf.cos(angle) * x[:, None] - tf.sin(angle) * x + 13.5 - down + field[0]
        cols = tf.sin(angle) * x[:, None] + tf.cos(angle) * x + 13.5 - right + field[1]
        rows, cols = tf.clip_by_value(rows + 1, 0, 29), tf.clip_by_value(cols + 1, 0, 29)
        top, left, padded = tf.floor(rows), tf.floor(cols), tf.pad(images, [[0, 0], [1, 2], [1, 2]])
        def row(i):  # the padded image read at fractional columns of row top + i
            at = tf.cast([tf.stack([top + i, left + j], axis = -1) for j in (0, 1)], tf.int32)
            a, b = [tf.gather_nd(padded, place, batch_dims = 1) for place in tf.unstack(at)]
            return a + (cols - left) * (b - a)
        return row(0) + (rows - top) * (row(1) - row(0))"""

_CLASSES = """\
low, high = train_x.min(axis = 0), train_x.max(axis = 0)
margin = 0.1 * (high - low)  # no point on the frame
(low1, low2), (high1, high2) = low - margin, high + margin
x1, x2 = np.meshgrid(np.linspace(low1, high1, 100), np.linspace(low2, high2, 100))
p = model.predict(np.stack([x1.ravel(), x2.ravel()], axis = 1), verbose = 0).reshape(x1.shape)
plt.figure(figsize = (6, 4))
plt.contourf(x1, x2, p, levels = 20, cmap = 'bwr', alpha = 0.4)
C1, C0 = train_x[train_y[:, 0] == 1], train_x[train_y[:, 0] == 0]
plt.plot(C1[:, 0], C1[:, 1], 'ro', alpha = 0.4, label = {1})
plt.plot(C0[:, 0], C0[:, 1], 'bo', alpha = 0.4, label = {0})
plt.xlabel('$x_1$', fontsize = 15)
plt.ylabel('$x_2$', fontsize = 15)
plt.legend(loc = 'lower center', bbox_to_anchor = (0.5, 1), ncol = 2)  # above, clear of the points
plt.show()"""
_CURVE = """\
xp = np.linspace(train_x.min(), train_x.max(), 200).reshape(-1, 1)
plt.figure(figsize = (6, 4))
plt.plot(train_x, train_y, 'o', markersize = 4, alpha = 0.4, label = 'data')
plt.plot(xp, model.predict(xp, verbose = 0), 'r', linewidth = 3, label = 'network')
plt.xlabel('x')
plt.ylabel('y')
plt.grid(alpha = 0.3)
plt.legend()
plt.show()"""
_PREDICTION = """\
figure, (left, right) = plt.subplots(1, 2, figsize = (8, 4))
left.imshow(test_x[0], 'gray')
right.stem(model.predict(test_x[:1], verbose = 0)[0])
plt.show()"""


def code(variant: Variant) -> str:
    """Lines that make train_x and train_y, and val_x, val_y, test_x, test_y where they exist.

    Raises:
        UnsupportedLayer: the data has no form that fits a script.
    """
    wanted = data_name.parse(variant.data)
    if wanted.is_images:
        raise UnsupportedLayer(
            f"{variant.name}: the pictures of {wanted.path} take more than a short script to read; "
            "`ann code mnist_cnn` is one for MNIST's digits."
        )
    if wanted.is_file:
        return _points(Path(wanted.path), wanted.held_out)
    if wanted.name == "digits":
        size = "" if variant.train_size is None else f"[:{variant.train_size}]"
        return _DIGITS.format(split_seed=SPLIT_SEED, validation=MNIST_VALIDATION, size=size)
    if wanted.name not in _GENERATED:
        raise UnsupportedLayer(f"{variant.name}: the data {variant.data!r} has no script.")
    drawn = wanted.size or data_name.SAMPLED.get(wanted.name, 0)
    lines = _GENERATED[wanted.name].format(seed=DATA_SEED, size=drawn)
    return lines + _noise(wanted) if wanted.noise else lines


def _noise(wanted: DataName) -> str:
    """Noise on y of a regression, on x of a classification, from the same generator."""
    lines = []
    if wanted.name not in data_name.SAMPLED:
        lines.append(f"rng = np.random.default_rng([{DATA_SEED}, *b'{wanted.name}'])")
    noisy = "y" if data_name.KINDS[wanted.name] == "regression" else "x"
    for part in ("train", "val") if wanted.name.endswith("held_out") else ("train",):
        name = f"{part}_{noisy}"
        drawn = f"rng.normal(0, {wanted.noise:g}, {name}.shape)"
        lines.append(f"{name} = ({name} + {drawn}).astype('float32')")
    return "\n" + "\n".join(lines)


def _points(path: Path, held_out: bool) -> str:
    """A CSV file of points: its columns, and the part that is for validation."""
    found, layout = points.read(path), points.layout(path)
    lines = [
        "import csv",
        f"with open({str(path)!r}, encoding = {layout.encoding!r}) as file:",
        f"    lines = csv.reader(file.read().splitlines(), delimiter = {layout.separator!r})",
        "    rows = [[cell.strip() for cell in line] for line in lines]",
        "rows = [row for row in rows if any(row) and not row[0].startswith('#')]",
        f"table = np.array(rows{f'[{layout.header}:]' if layout.header else ''})",
    ]
    if layout.decimal_comma:
        lines.append("table[:, :2] = np.char.replace(table[:, :2], ',', '.')")
    if found.classes:
        target = f"(table[:, 2:] == {found.classes[1]!r})"
        order = "np.lexsort((x[:, 0], y[:, 0]))"
    else:
        target, order = "table[:, 1:]", "np.argsort(x[:, 0], kind = 'stable')"
    inputs = found.x.shape[1]
    names = ("x", "y") if held_out else ("train_x", "train_y")
    lines += [
        f"{names[0]} = table[:, :{inputs}].astype('float32')",
        f"{names[1]} = {target}.astype('float32')",
    ]
    if held_out:
        lines += [
            "held_out = np.zeros(len(x), bool)",
            f"held_out[{order}[1:-1:{points.EVERY}]] = True",
            "train_x, train_y, val_x, val_y = x[~held_out], y[~held_out], x[held_out], y[held_out]",
        ]
    return "\n".join(lines)


def has_validation(variant: Variant) -> bool:
    """Whether `code` makes val_x and val_y."""
    return variant.data == "digits" or data_name.parse(variant.data).has_validation


def input_layer(variant: Variant) -> str:
    """The Keras input of one example."""
    if variant.data == "digits":
        return "tf.keras.layers.Input((28, 28))"
    inputs = 2 if _is_plane(variant) else 1
    return f"tf.keras.layers.Input(({inputs},))"


def distortion(settings: Augmentation, seed: int) -> str:
    """A Keras layer that distorts training digits as `digits.augmentation.augment` does."""
    return _DISTORTION.format(
        seed=seed,
        shift=settings.shift,
        rotation=settings.rotation,
        alpha=settings.elastic_alpha,
        sigma=settings.elastic_sigma,
    )


def panel(variant: Variant) -> str:
    """The lecture's picture of the result."""
    if variant.data == "digits":
        return _PREDICTION
    if not _is_plane(variant):
        return _CURVE
    wanted = data_name.parse(variant.data)
    names = ["C0", "C1"]
    if wanted.is_file:
        from ann_models.figures.style import class_names  # imports Matplotlib

        names = class_names(points.read(Path(wanted.path)).classes)
    return _CLASSES.format(*map(repr, names))


def _is_plane(variant: Variant) -> bool:
    return kind_of(data_name.parse(variant.data)) == "classification"
