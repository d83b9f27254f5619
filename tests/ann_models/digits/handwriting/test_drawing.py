import numpy as np

from ann_models.digits.handwriting import drawing


def test_a_digit_is_put_into_the_middle_whatever_its_size():
    strokes = np.array([[[3, 5], [4, 7], [3, 9]]], np.float32)
    fitted = drawing.fitted(strokes)[0]
    assert np.ptp(fitted[:, 1]) == drawing.BOX
    np.testing.assert_allclose((fitted.min(0) + fitted.max(0)) / 2, drawing.SIDE / 2)


def test_a_pen_leaves_a_line_of_its_width_with_round_ends():
    stroke = np.array([[30, 64], [98, 64]], np.float32)
    ink = drawing.drawn([stroke], 10)
    assert 9 <= ink[:, 64].sum() <= 11
    assert ink[64].sum() == 68 + 10
    assert ink[64, 26] == 1 and ink[69, 26] == 0


def test_a_turn_has_no_notch():
    corner = np.array([[30, 64], [80, 64], [80, 110]], np.float32)
    ink = drawing.drawn([corner], 20)
    assert ink[54:64, 80:90].mean() > np.pi / 4 - 0.05  # a quarter of a round pen, outside


def test_pressure_widens_a_part_of_a_stroke():
    stroke = np.stack([np.linspace(20, 108, 44), np.full(44, 64)], axis=1).astype(np.float32)
    pressure = np.linspace(0.5, 2, drawing.CHUNKS)
    ink = drawing.drawn([stroke], 10, [pressure])
    assert ink[:, 26].sum() < ink[:, 100].sum() - 5
