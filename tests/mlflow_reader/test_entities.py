"""The filters in MLflow's language, and which answers mean that something is missing."""

import pytest

from mlflow_reader.entities import name_filter, search_filter


@pytest.mark.parametrize(
    ("tags", "status", "condition"),
    [
        ({}, "", ""),
        ({}, "FINISHED", "attributes.status = 'FINISHED'"),
        ({"latest": "true"}, "", "tags.`latest` = 'true'"),
        ({"set.layers.0": None}, "", "tags.`set.layers.0` != ''"),
        (
            {"latest": "true", "variant": None},
            "FAILED",
            "attributes.status = 'FAILED' AND tags.`latest` = 'true' AND tags.`variant` != ''",
        ),
    ],
)
def test_runs_are_searched_by_their_tags_and_status(tags, status, condition):
    assert search_filter(tags, status) == condition


@pytest.mark.parametrize(
    ("name", "condition"),
    [("digits", "name = 'digits'"), ("it's", 'name = "it\'s"'), ('a"b', "name = 'a\"b'")],
)
def test_a_name_is_put_into_the_quotes_that_it_does_not_have(name, condition):
    assert name_filter(name) == condition
