"""The vocabulary of the table of contents: what one entry may say.

Plain frozen data without TensorFlow, so that a program that only lists variants starts at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from ann_models.digits.augmentation import Augmentation

IMAGES = "images:"  # before the name and path of an image data set of one's own

QUICK_DIGITS = 1_984  # 62 whole batches of 32

_NOT_SETTINGS = ("name", "question", "look_at", "layers", "members", "derived_from", "changes")

Activation = Literal["linear", "sigmoid", "tanh", "relu", "silu", "softmax"]
Loss = Literal[
    "mse", "binary_crossentropy", "sparse_categorical_crossentropy", "categorical_crossentropy"
]


@dataclass(frozen=True)
class Dense:
    """A fully connected layer: activation(x @ kernel + bias)."""

    units: int
    activation: Activation = "linear"
    use_bias: bool = True


@dataclass(frozen=True)
class Convolution:
    """A two-dimensional convolution with "same" padding."""

    filters: int
    kernel: int = 3
    strides: int = 1
    activation: Activation = "relu"


@dataclass(frozen=True)
class MaxPooling:
    """The maximum over non-overlapping squares of `size` pixels."""

    size: int = 2


@dataclass(frozen=True)
class Flatten:
    """Images to vectors."""


@dataclass(frozen=True)
class BatchNormalization:
    """Batch normalisation (Ioffe & Szegedy 2015).

    At each step the moving statistics keep the share `momentum` of what they were; a training of
    few steps needs less than Keras's default.
    """

    momentum: float = 0.99


@dataclass(frozen=True)
class ActivationLayer:
    """A nonlinearity on its own, as after batch normalisation."""

    activation: Activation


@dataclass(frozen=True)
class Dropout:
    """Dropout (Srivastava et al. 2014): drops with probability `rate`, scales by 1/(1−rate)."""

    rate: float


@dataclass(frozen=True)
class Deslant:
    """Sets each digit upright by its moments (LeCun et al. 1998); it has no weights."""


Layer = (
    Dense
    | Convolution
    | MaxPooling
    | Flatten
    | BatchNormalization
    | ActivationLayer
    | Dropout
    | Deslant
)


@dataclass(frozen=True)
class CosineDecay:
    """A learning rate that rises to `peak` in the first `warmup` of all steps, then falls to 0.

    Half a cosine, without restarts (Loshchilov & Hutter 2017).
    """

    peak: float
    warmup: float = 0.0


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015) with Keras's other defaults.

    Above zero, `weight_decay` shrinks every weight at each step by that share of the learning
    rate, apart from the gradient (AdamW, Loshchilov & Hutter 2019).
    """

    learning_rate: float | CosineDecay = 0.001
    weight_decay: float = 0.0


@dataclass(frozen=True)
class SGD:
    """Gradient descent, with momentum if it is above zero."""

    learning_rate: float | CosineDecay = 0.01
    momentum: float = 0.0


@dataclass(frozen=True)
class Penalty:
    """A shrinkage penalty λ·‖ω‖² (`l2`) or λ·‖ω‖₁ (`l1`) on every kernel (lecture row 22)."""

    norm: Literal["l1", "l2"]
    strength: float


@dataclass(frozen=True)
class EarlyStopping:
    """Stop when the validation loss has not improved for `patience` epochs; keep the best."""

    patience: int


@dataclass(frozen=True)
class Distillation:
    """Training on a committee's answers to many distorted digits (Hinton et al. 2015).

    Attributes:
        teacher: the name of the entry whose newest networks answer.
        copies: distorted versions of each training digit.
        augmentation: how far they are distorted.
    """

    teacher: str
    copies: int
    augmentation: Augmentation


@dataclass(frozen=True)
class OtherHands:
    """What is learned from besides the data set's training digits (`ann_models.digits.people`).

    The network then has an eleventh class: what is not one upright digit.

    Attributes:
        generated: digits of generated handwriting.
        copies: how often each of scikit-learn's 1,797 digits counts.
        non_digits: pictures of what is not one upright digit.
    """

    generated: int
    copies: int
    non_digits: int


@dataclass(frozen=True)
class Question:
    """A question of the lecture, which several variants answer together."""

    key: str
    title: str
    look_at: str


@dataclass(frozen=True)
class Variant:
    """One row of the lecture: data, network, training and what it shows.

    Attributes:
        row: the row of the lecture's table of contents.
        name: its unique name.
        question: the key of the question it helps to answer.
        look_at: one sentence on what its run shows.
        study: the function of `ann_models.studies` that measures it and draws its panels.
        data: the name of its data set.
        train_size: how many training examples are used; None: all.
        layers: the network; empty where nothing is trained by Keras.
        epochs: passes over the training data (steps or rounds in the rows without a network).
        batch_size: examples a gradient step.
        seeds: how many initialisations are trained, seeds 0 to seeds−1.
        distillation: whose answers it learns, in place of the labels.
        other_hands: what it learns from besides the data set's training digits.
        members: the entries whose trained networks form it; it is not trained itself. The committee
            of a seed is formed by those of all other seeds, so that committees differ, too.
        keep_weights: whether the study needs the weights after each epoch.
        frames: how many epochs its animation shows, more of the first ones; 0: no animation.
        registered: whether its model is a candidate for the digit service.
        derived_from: the name of the entry of which it is a changed copy.
        changes: what differs from that entry, as key and value.
    """

    row: int
    name: str
    question: str
    look_at: str
    study: str
    data: str = "none"
    train_size: int | None = None
    layers: tuple[Layer, ...] = ()
    loss: Loss = "mse"
    optimizer: Adam | SGD = field(default_factory=Adam)
    epochs: int = 0
    batch_size: int = 32
    seeds: int = 1
    penalty: Penalty | None = None
    early_stopping: EarlyStopping | None = None
    augmentation: Augmentation | None = None
    distillation: Distillation | None = None
    other_hands: OtherHands | None = None
    members: tuple[Variant, ...] = ()
    keep_weights: bool = False
    frames: int = 0
    registered: bool = False
    derived_from: str = ""
    changes: tuple[tuple[str, str], ...] = ()

    @property
    def has_networks(self) -> bool:
        """Whether it ends with trained networks, its own or its members'."""
        return bool(self.layers or self.members)

    @property
    def has_images(self) -> bool:
        """Whether its data are pictures: digits, or an image data set of one's own."""
        return self.data == "digits" or self.data.startswith(IMAGES)

    @property
    def depends_on(self) -> list[str]:
        """The names of the entries whose trained networks it needs."""
        members = [member.name for member in self.members]
        return [*members, self.distillation.teacher] if self.distillation else members

    def seats(self, seed: int) -> list[tuple[Variant, int]]:
        """The networks that form the committee of a seed: named entries, each with its seed."""
        others = [other for other in range(self.seeds) if other != seed] or [seed]
        return [(replace(m, name=f"{m.name}_{s}"), s) for m in self.members for s in others]

    def shortened(self) -> Variant:
        """The same row for a quick look: few epochs, one seed, few digits."""
        fewer = min(self.train_size or QUICK_DIGITS, QUICK_DIGITS)
        return replace(
            self,
            epochs=max(1, self.epochs // 100) if self.layers else self.epochs,
            seeds=1,
            train_size=fewer if self.has_images else None,
            other_hands=self.other_hands and OtherHands(fewer // 4, 0, fewer // 8),
        )

    def settings(self) -> Mapping[str, str | int | float]:
        """Every setting of the entry, flat, as the run's parameters."""
        flat: dict[str, str | int | float] = {}
        for name, value in asdict(self).items():
            if name in _NOT_SETTINGS:
                continue
            if isinstance(value, dict):
                flat |= _flat(name, value)
            elif value is not None:
                flat[name] = value
        if self.layers:
            distorted = self.augmentation or self.distillation
            flat["augmentation"] = "distorted" if distorted else "none"
            flat["layers"] = " → ".join(map(_described, self.layers))
            flat["optimizer"] = type(self.optimizer).__name__
        if self.members:
            flat["members"] = ", ".join(member.name for member in self.members)
        return flat


def _flat(prefix: str, values: Mapping[str, Any]) -> dict[str, str | int | float]:
    flat: dict[str, str | int | float] = {}
    for name, value in values.items():
        key = f"{prefix}_{name}"
        flat |= _flat(key, value) if isinstance(value, dict) else {key: value}
    return flat


def _described(layer: Layer) -> str:
    return " ".join([type(layer).__name__, *(str(value) for value in asdict(layer).values())])
