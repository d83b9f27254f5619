"""The panels of traffic: each measure's distribution beside that of the known digits."""

import numpy as np
import pytest

from ann_models.drift import Finding, Sample
from ann_models.figures import style, traffic
from tests.support.panels import legend

MEASURES = ("ink", "confidence", "classes", "embedding")


def a_sample(counts, ink):
    """So many digits of each class, named with certainty, of this ink."""
    classes = np.repeat(np.arange(10), counts)
    return Sample(np.full((len(classes), 28, 28), ink), np.eye(10)[classes])


@pytest.fixture(scope="module")
def panels():
    """Ink, confidence, classes and embedding, of which the classes drifted."""
    known, recent = a_sample([4] * 10, 0.2), a_sample([8, 2] + [0] * 8, 0.5)
    found = {name: Finding(0.1, 0.15, 0.5, 0.0025) for name in MEASURES}
    found["classes"] = Finding(0.31, 0.25, 0.001, 0.0025)
    distances = np.linspace(4.05, 6, 10), np.linspace(3, 5, 40)
    return traffic.distributions(recent, known, distances, found).axes


def test_each_measure_has_its_panel_and_both_samples_their_colour(panels):
    assert [axes.get_xlabel() for axes in panels] == [
        "ink (mean of the pixels)",
        "confidence",
        "named digit",
        "mean distance to known digits",
    ]
    assert {axes.get_ylabel() for axes in panels} == {"share"}
    assert tuple(panels[0].figure.get_size_inches()) == (10, 7)
    assert legend(panels[0]) == ["known digits", "traffic"]
    assert traffic.LOOK["traffic"]["color"] == style.RED


def test_the_title_says_whether_it_drifted_and_by_how_much(panels):
    ink, _, classes, _ = panels
    assert ink.get_title() == "as before: 0.100 (from 0.15 on), p = 0.5"
    assert classes.get_title() == "DRIFTED: 0.310 (from 0.25 on), p = 0.001"


def test_the_named_digits_are_shares_of_each_sample_beside_each_other(panels):
    axes = panels[2]
    known, recent = axes.containers
    assert [bar.get_height() for bar in known] == pytest.approx([0.1] * 10)
    assert [bar.get_height() for bar in recent] == pytest.approx([0.8, 0.2] + [0] * 8)
    for digit in range(10):
        assert known[digit].get_x() + known[digit].get_width() == pytest.approx(digit)
        assert recent[digit].get_x() == pytest.approx(digit)
    assert axes.get_xticks().tolist() == list(range(10))


def test_histograms_share_their_thirty_bins_and_each_sums_to_one(panels):
    for position in (0, 1, 3):
        known, recent = panels[position].containers
        assert len(known) == len(recent) == 30
        assert sum(bar.get_height() for bar in known) == pytest.approx(1)
        assert sum(bar.get_height() for bar in recent) == pytest.approx(1)
        assert [bar.get_x() for bar in known] == [bar.get_x() for bar in recent]


def test_histograms_reach_from_the_lowest_to_the_highest_value_of_both(panels):
    known, recent = panels[3].containers
    assert known[0].get_x() == pytest.approx(3)
    assert recent[-1].get_x() + recent[-1].get_width() == pytest.approx(6)
    first, last = (next(i for i, b in enumerate(c) if b.get_height()) for c in (known, recent))
    assert (first, last) == (0, 10)  # the traffic begins after a third of the bins
