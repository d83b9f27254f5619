"""Which runs stand for the variants, and what is of this project in a store that others use too."""

import pytest

from mlflow_reader.http_server import HttpReader
from pipelines import settings
from pipelines.tracking import tags
from pipelines.tracking.reader import RunReader, reader_of


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_runs_that_are_marked_as_newest_the_newer_one_counts(store, first):
    """As after an import, or where a row has moved to another question."""
    experiments = [store.experiment("neurons"), store.experiment("boundary")]
    about = {tags.VARIANT: "relu_regression_1", tags.LATEST: "true", tags.QUICK: "false"}
    for number in range(2):
        experiment = experiments[(first + number) % 2]
        run = store.client.create_run(experiment, 1000 * number + 1000, about).info.run_id
        store.client.set_terminated(run, "FINISHED")
    assert store.newest_by_variant()["relu_regression_1"].info.run_id == run


def test_quick_unfinished_and_superseded_runs_stand_for_no_variant(store):
    experiment = store.experiment("neurons")
    about = {tags.VARIANT: "relu_regression_1", tags.LATEST: "true", tags.QUICK: "false"}
    for other in ({tags.QUICK: "true"}, {tags.LATEST: "false"}):
        run = store.client.create_run(experiment, tags=about | other).info.run_id
        store.client.set_terminated(run, "FINISHED")
    store.client.create_run(experiment, tags=about)  # is running
    assert store.newest_by_variant() == {}


def test_experiments_are_in_the_order_of_their_numbers(store):
    for title in ("Case 10", "2 of 10", "2 of 9", "10", "Case 9"):
        store.client.create_experiment(title, tags={tags.QUESTION: "neurons"})
    titles = [experiment.name for experiment in store.experiments()]
    assert titles == ["2 of 9", "2 of 10", "10", "Case 9", "Case 10"]


def test_what_others_track_in_the_same_store_is_left_out(store):
    ours, others = store.experiment("neurons"), store.client.create_experiment("of others")
    (run, _) = (store.client.create_run(experiment).info.run_id for experiment in (ours, others))
    assert [experiment.experiment_id for experiment in store.experiments()] == [ours]
    assert [found.info.run_id for found in store.runs_with({})] == [run]
    assert [info.run_id for info in store.run_infos()] == [run]


def test_deleted_runs_are_found_only_where_they_are_asked_for(store):
    run = store.client.create_run(store.experiment("neurons")).info.run_id
    store.client.delete_run(run)
    assert store.run_infos() == []
    assert [info.run_id for info in store.run_infos(deleted=True)] == [run]


def test_where_nothing_was_tracked_yet_there_is_nothing_and_nothing_is_made(tmp_path):
    reader = RunReader(settings.load({"ANN_HOME": str(tmp_path)}))
    assert (reader.experiments(), reader.runs_with({}), reader.run_infos()) == ([], [], [])
    assert (reader.model_places(), reader.newest_by_variant()) == ({}, {})
    assert list(tmp_path.iterdir()) == []


def test_a_server_is_read_without_a_file():
    assert isinstance(reader_of("http://127.0.0.1:5000"), HttpReader)
