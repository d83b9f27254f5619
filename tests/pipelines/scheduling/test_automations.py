"""Drift starts the retraining by one automation, which people may change."""

import pytest

from pipelines.events import DRIFT_EVENT, MODEL_RESOURCE
from pipelines.scheduling import schedules
from pipelines.scheduling.automations import ON_DRIFT, retrain_on_drift


def automations(client, deployment):
    return client.read_resource_related_automations(f"prefect.deployment.{deployment}")


@pytest.fixture
def deployment(client):
    """A deployment that nothing starts yet."""
    found = schedules.find(client, "digits").id
    assert automations(client, found) == []
    yield found
    client.delete_resource_owned_automations(f"prefect.deployment.{found}")


def test_the_usual_retraining_is_started_by_drift(client):
    (found,) = automations(client, schedules.find(client, "retrain").id)
    assert found.enabled
    assert found.trigger.expect == {DRIFT_EVENT}


def test_the_drift_of_any_model_starts_the_deployment_for_that_model(client, deployment):
    retrain_on_drift(client, deployment)
    (found,) = automations(client, deployment)
    assert found.trigger.expect == {DRIFT_EVENT}
    assert found.trigger.match["prefect.resource.id"] == [f"{MODEL_RESOURCE}*"]
    (action,) = found.actions
    assert action.deployment_id == deployment
    assert action.parameters == {"model": "{{ event.resource['prefect.resource.name'] }}"}


def test_it_is_made_once_and_stays_as_a_person_left_it(client, deployment):
    retrain_on_drift(client, deployment)
    (found,) = automations(client, deployment)
    client.pause_automation(found.id)
    retrain_on_drift(client, deployment)
    (after,) = automations(client, deployment)
    assert (after.id, after.enabled) == (found.id, False)


def test_the_template_itself_belongs_to_no_deployment(client, deployment):
    retrain_on_drift(client, deployment)
    assert ON_DRIFT._deployment_id is None


def test_it_goes_with_its_schedule_and_others_stay(client, deployment):
    retrain_on_drift(client, deployment)
    kept = automations(client, schedules.find(client, "retrain").id)
    schedules.remove(client, "digits")
    assert automations(client, deployment) == []
    assert automations(client, schedules.find(client, "retrain").id) == kept
