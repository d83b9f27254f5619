"""The outcome of one study."""

from dataclasses import fields

from ann_models.findings import Findings


def test_a_study_that_found_nothing_has_empty_parts():
    assert all(getattr(Findings(), part.name) == {} for part in fields(Findings))


def test_no_two_findings_share_a_part():
    one, other = Findings(), Findings()
    for part in fields(Findings):
        getattr(one, part.name)["name"] = object()
        assert getattr(other, part.name) == {}
