"""Flow runs begun by a command carry its process as a tag, and their tasks do not."""

import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.context import TagsContext
from prefect.runtime import task_run

from pipelines.flows import ad_hoc
from pipelines.process_identity import this_process

TAG = f"{ad_hoc.PROCESS_TAG}{this_process()}"


@task
def tags_of_a_task() -> list[str]:
    return sorted(task_run.tags)


@flow
def typed(apart: bool = False) -> list[str]:
    """A run that somebody typed."""
    if not apart:
        return tags_of_a_task()
    with ad_hoc.untagged():
        return tags_of_a_task()


@pytest.fixture
def client(prefect):
    with get_client(sync_client=True) as client:
        yield client


def test_a_run_says_whose_it_is(client):
    with ad_hoc.process_tag():
        state = typed(return_state=True)
    run = client.read_flow_run(state.state_details.flow_run_id)
    assert run.tags == [f"{ad_hoc.PROCESS_TAG}{this_process()}"]


def test_a_task_inherits_the_tag_unless_it_begins_apart(prefect):
    with ad_hoc.process_tag():
        assert typed() == [TAG]
        assert typed(apart=True) == []


def test_the_tags_are_only_within():
    with ad_hoc.process_tag():
        assert TagsContext.get().current_tags == {TAG}
        with ad_hoc.untagged():
            assert TagsContext.get().current_tags == set()
        assert TagsContext.get().current_tags == {TAG}
    assert TagsContext.get().current_tags == set()
