"""Which engine trains an entry, and how many of its seeds at once.

XLA compiles the whole loop into one program: no overhead a step, but half a second to compile, and
its convolutions on a CPU lose to oneDNN's. TensorFlow's graph engine starts at once and calls
oneDNN. `ann benchmark engines` measures both on networks of each kind.
"""

from __future__ import annotations

from ann_models.entry import BatchNormalization, Convolution, Variant

WORTH_COMPILING = 2_000  # gradient steps from which compiling pays for itself
SMALL = 50_000  # parameters up to which overhead, not arithmetic, decides a training's time


def suits_xla(variant: Variant, examples: int) -> bool:
    """Whether XLA is the faster engine for this many training examples."""
    steps = variant.epochs * batches(variant, examples)
    return steps >= WORTH_COMPILING and not _convolves(variant)


def is_small(parameters: int) -> bool:
    """Whether a network of so many weights trains fastest with all of them in one vector."""
    return parameters <= SMALL


def runs_side_by_side(variant: Variant, parameters: int) -> bool:
    """Whether all seeds share one program, or take turns in it."""
    return is_small(parameters) and not (_convolves(variant) or variant.augmentation)


def normalizes_batches(variant: Variant) -> bool:
    """Whether every example of a batch changes the network's answer to the others."""
    return any(isinstance(layer, BatchNormalization) for layer in variant.layers)


def batches(variant: Variant, examples: int) -> int:
    """Gradient steps an epoch, an incomplete last batch included."""
    return -(-examples // variant.batch_size)


def _convolves(variant: Variant) -> bool:
    return any(isinstance(layer, Convolution) for layer in variant.layers)
