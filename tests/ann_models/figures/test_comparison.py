"""The panels across the variants of one question."""

from tests.support.panels import PANELS, the_axes


def test_the_error_bars_against_size_are_the_ends_of_the_intervals():
    axes = the_axes(PANELS["error_against_size"]())
    (bars,) = axes.containers[0].lines[2]
    assert bars.get_segments()[0].tolist() == [[500, 0.12], [500, 0.14]]
    shown = [t.get_text() for t in axes.get_yticklabels()]
    assert len(shown) >= 4 and all(text.endswith(" %") for text in shown)


def test_zero_lambda_is_dashed_among_the_penalties():
    lines = the_axes(PANELS["losses"]()).lines
    assert [line.get_linestyle() for line in lines] == ["--", "-"]
