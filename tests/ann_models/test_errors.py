"""Each mistake is of one kind and of the one tree that commands catch."""

import pytest

from ann_models import errors

LEAVES = (
    errors.UnknownName,
    errors.InvalidData,
    errors.DataUnavailable,
    errors.TrainingDiverged,
    errors.UnsupportedLayer,
    errors.InvalidSetting,
)


@pytest.mark.parametrize("kind", LEAVES)
def test_every_mistake_is_caught_as_one_and_says_its_message(kind):
    with pytest.raises(errors.AnnError, match="what to do"):
        raise kind("what to do")


@pytest.mark.parametrize("kind", LEAVES)
def test_no_mistake_is_a_kind_of_another(kind):
    assert not any(issubclass(kind, other) for other in LEAVES if other is not kind)
