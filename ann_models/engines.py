"""Which engine trains an entry, and how many of its seeds at once.

XLA compiles the whole loop into one program: no overhead a step, but seconds to compile, and its
dense layers and convolutions on a CPU lose to oneDNN's once they are large. TensorFlow's graph
engine starts at once and calls oneDNN.
"""

from __future__ import annotations

from ann_models.entry import Convolution, Dense, Variant

WORTH_COMPILING = 2_000  # gradient steps from which compiling pays for itself
WIDE = 256  # units of a dense layer from which oneDNN is the faster one
SMALL = 50_000  # parameters up to which all seeds fit side by side into one program


def suits_xla(variant: Variant, examples: int) -> bool:
    """Whether XLA is the faster engine for this many training examples."""
    few_steps = variant.epochs * batches(variant, examples) < WORTH_COMPILING
    return not (few_steps or _needs_onednn(variant))


def runs_side_by_side(variant: Variant, parameters: int) -> bool:
    """Whether all seeds share one program, or take turns in it."""
    return parameters <= SMALL and not (_needs_onednn(variant) or variant.augmentation)


def batches(variant: Variant, examples: int) -> int:
    """Gradient steps an epoch, an incomplete last batch included."""
    return -(-examples // variant.batch_size)


def _needs_onednn(variant: Variant) -> bool:
    return any(
        isinstance(layer, Convolution) or (isinstance(layer, Dense) and layer.units >= WIDE)
        for layer in variant.layers
    )
