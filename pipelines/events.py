"""Prefect events that the pipelines emit: the names that senders and automations share."""

DRIFT_EVENT = "ann.drift.detected"
MODEL_RESOURCE = "ann.model."  # of the event's resource id; the registered model's name follows
DECISION_EVENTS = {True: "ann.model.promoted", False: "ann.model.refused"}  # by the gate
