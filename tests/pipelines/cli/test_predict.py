"""`ann predict`; more of it is in test_main.py."""

import pytest

from pipelines.cli import predict


@pytest.mark.parametrize(
    ("probability", "shown"),
    [(1.0, "> 99.9%"), (0.9996, "> 99.9%"), (0.9994, "99.9%"), (0.5, "50.0%")],
)
def test_no_answer_is_a_hundred_per_cent_sure(probability, shown):
    assert predict._percent(probability) == shown
