"""Which backend trains an entry, and whether its seeds train vectorised or sequentially.

XLA compiles the whole loop into one program: no overhead a step, but half a second to compile, and
its convolutions on a CPU lose to oneDNN's. TensorFlow's graph executor starts at once and calls
oneDNN. `benchmarks/backends.py` measures both on networks of each kind.
"""

from __future__ import annotations

from ann_models.entry import BatchNormalization, Convolution, Variant

WORTH_COMPILING = 2_000  # gradient steps from which compiling pays for itself
SMALL = 50_000  # parameters up to which overhead, not arithmetic, decides a training's time


def suits_xla(variant: Variant, examples: int) -> bool:
    """Whether XLA is the faster backend for this many training examples."""
    steps = variant.epochs * batches(variant, examples)
    return steps >= WORTH_COMPILING and not _convolves(variant)


def is_small(parameters: int) -> bool:
    """Whether a network of so many parameters trains fastest with them flattened to one vector."""
    return parameters <= SMALL


def vectorizes_seeds(variant: Variant, parameters: int) -> bool:
    """Whether all seeds train at once in one program, or one after the other in it."""
    return is_small(parameters) and not (_convolves(variant) or variant.augmentation)


def normalizes_batches(variant: Variant) -> bool:
    """Whether an example of a batch changes the outputs for the others, padding included."""
    return any(isinstance(layer, BatchNormalization) for layer in variant.layers)


def batches(variant: Variant, examples: int) -> int:
    """Gradient steps an epoch, an incomplete last batch included."""
    return -(-examples // variant.batch_size)


def _convolves(variant: Variant) -> bool:
    return any(isinstance(layer, Convolution) for layer in variant.layers)
