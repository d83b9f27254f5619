"""The garbage collector rests during imports, and only then."""

import gc

import pytest

from ann_models import collector


def test_it_is_paused_inside_and_goes_on_afterwards():
    assert gc.isenabled()
    with collector.paused():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_an_import_that_fails():
    with pytest.raises(ImportError), collector.paused():
        raise ImportError
    assert gc.isenabled()


def test_the_end_of_an_inner_pause_does_not_end_the_outer_one():
    with collector.paused():
        with collector.paused():
            pass
        assert not gc.isenabled()


def test_a_program_without_a_collector_keeps_it_switched_off():
    gc.disable()
    try:
        with collector.paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
