"""Which runs stand for the variants."""

import pytest

from pipelines.tracking import tags


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


def test_experiments_are_in_the_order_of_their_numbers(store):
    for question in ("hands", "boundary", "digits"):
        store.experiment(question)
    titles = [experiment.name for experiment in store.experiments()]
    numbers = [int(title.partition(" ")[0]) for title in titles]
    assert numbers == sorted(numbers) and 10 in numbers
