"""The recipe for speed: few passes, large batches, pooling before the activation."""

from ann_models.entry import (
    ActivationLayer,
    Adam,
    BatchNormalization,
    Convolution,
    CosineDecay,
    Dense,
    MaxPooling,
)
from ann_models.fast_recipe import FAST_CNN
from ann_models.sound import faults_of, suitable_study


def test_each_convolution_is_pooled_before_its_activation():
    stages = [FAST_CNN.layers[i : i + 3] for i in (0, 3, 6)]
    for (convolution, *rest), filters in zip(stages, (16, 32, 64), strict=True):
        assert convolution == Convolution(filters, activation="linear")
        assert rest == [MaxPooling(), ActivationLayer("relu")]


def test_the_logits_alone_are_normalised_and_have_no_bias():
    *_, logits, normalisation, answer = FAST_CNN.layers
    assert logits == Dense(10, use_bias=False)
    assert normalisation == BatchNormalization(momentum=0.9)
    assert answer == ActivationLayer("softmax")
    assert sum(isinstance(layer, BatchNormalization) for layer in FAST_CNN.layers) == 1


def test_it_passes_twice_over_the_digits_in_one_cycle_of_the_rate():
    assert (FAST_CNN.epochs, FAST_CNN.batch_size) == (2, 250)
    assert FAST_CNN.optimizer == Adam(CosineDecay(0.01, warmup=0.2))


def test_it_can_be_trained_and_its_study_shows_it():
    assert faults_of(FAST_CNN) == []
    assert suitable_study(FAST_CNN) == FAST_CNN.study == "mnist"
