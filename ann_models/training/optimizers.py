"""An entry's optimiser as Keras's."""

from __future__ import annotations

import keras

from ann_models.entry import SGD, Adam, CosineDecay


def build(settings: Adam | SGD, steps: int) -> keras.Optimizer:
    """The optimiser for a training of so many gradient steps."""
    rate = settings.learning_rate
    if isinstance(rate, CosineDecay):
        rate = _schedule(rate, steps)
    match settings:
        case Adam(weight_decay=decay):
            return keras.optimizers.Adam(rate, weight_decay=decay or None)
        case SGD(momentum=momentum):
            return keras.optimizers.SGD(rate, momentum)


def _schedule(decay: CosineDecay, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    warmup = min(round(decay.warmup * steps), steps - 1)  # Keras needs a step to decay in
    if not warmup:
        return keras.optimizers.schedules.CosineDecay(decay.peak, steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup, warmup_target=decay.peak, warmup_steps=warmup
    )
