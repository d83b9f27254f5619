"""Why the champion gave its answer: the pixels that spoke for it, and the units that fired.

Pixels are judged by occlusion (Zeiler and Fergus, "Visualizing and understanding convolutional
networks", 2014): erase a small window and let the served network answer again. The change is
taken in log-odds, as "weight of evidence" (Robnik-Šikonja and Kononenko, "Explaining
classifications for individual instances", 2008), since the probability of a sure answer hardly
moves. It needs no gradient and works for any network.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from serving.model.hidden_layer import HiddenLayer
from serving.model.loaded_model import LoadedModel

SHOWN_UNITS = 8
DECIMALS = 4  # finer than any picture shows, and half the bytes

Floats = NDArray[np.float32]


def explain(model: LoadedModel, image: Floats) -> dict[str, object]:
    """Explain the champion's answer to an image, in lists that JSON can hold.

    Args:
        model: the served network.
        image: (28, 28) in [0, 1], ink 1 on 0.

    Returns:
        saliency: 28×28, by how much each pixel's ink raised (+) or lowered (−) the log-odds, in
            nats, of the answered digit. Where there is no ink it is 0.
        hidden: the units that fired most, the strongest first, each with `unit` (its index),
            `activation`, `outgoing` (its weight to the answered digit) and `weights` (28×28, from
            the pixels). Empty for a network without such a layer.
    """
    digit = int(model.predict(image[None])[0].argmax())
    layer = model.hidden_layer
    return {
        "saliency": _listed(saliency(model, image, digit)),
        "hidden": [] if layer is None else _strongest_units(layer, image, digit),
    }


def saliency(model: LoadedModel, image: Floats, digit: int) -> NDArray[np.float64]:
    """By how much the ink of each pixel speaks for a digit, (28, 28), in nats.

    Each 3×3 window with ink is erased once, and the lost log-odds are shared by its pixels
    according to their ink. A pixel gets the mean over the nine windows that it lies in.
    """
    windows = sliding_window_view(np.pad(image, 2), (3, 3))  # also those half outside
    rows, columns = np.nonzero(windows.any(axis=(2, 3)))
    place = np.arange(2, len(image) + 2)
    in_rows, in_columns = (
        (at <= place) & (place <= at + 2) for at in (rows[:, None], columns[:, None])
    )
    erased = in_rows[:, :, None] & in_columns[:, None, :]  # (windows, 28, 28)
    answers = model.predict(np.concatenate([image[None], np.where(erased, 0, image)]))
    whole, *without = _log_odds(answers, digit)
    share = erased * image
    share /= share.sum(axis=(1, 2), keepdims=True)
    return np.einsum("w,wij->ij", whole - np.array(without), share) / 9


def _log_odds(probabilities: Floats, digit: int) -> NDArray[np.float64]:
    """Log-odds of a digit for answers (n, 10); 1 − p would round to 0 where the answer is sure."""
    least = np.finfo(np.float32).tiny
    for_it = probabilities[:, digit].astype(np.float64)
    against_it = np.delete(probabilities, digit, axis=1).sum(axis=1, dtype=np.float64)
    return np.log(np.maximum(for_it, least)) - np.log(np.maximum(against_it, least))


def _strongest_units(layer: HiddenLayer, image: Floats, digit: int) -> list[dict[str, object]]:
    activations = layer.activations(image[None])[0]
    strongest = np.argsort(-activations, kind="stable")[:SHOWN_UNITS]
    return [
        {
            "unit": int(unit),
            "activation": round(float(activations[unit]), DECIMALS),
            "outgoing": round(float(layer.outgoing[unit, digit]), DECIMALS),
            "weights": _listed(layer.kernel[:, unit].reshape(image.shape)),
        }
        for unit in strongest
        if activations[unit] > 0
    ]


def _listed(values: NDArray[np.floating]) -> list[list[float]]:
    return values.astype(np.float64).round(DECIMALS).tolist()
