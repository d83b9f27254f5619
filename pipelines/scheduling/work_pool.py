"""Prefect's work pool of this project and the flows that it runs; imports nothing heavy."""

POOL = "ann"
HEARTBEAT_SECONDS = 10  # between two of a worker's heartbeats; three missed in a row are too many
FLOWS = {  # what can be scheduled: its entrypoint
    "lecture": "pipelines.flows.lecture.lecture",
    "retrain": "pipelines.flows.retraining.retrain",
    "drift": "pipelines.flows.drift.drift",
}
# A request for a run sets no part of its job: no command, environment or folder.
JOB_TEMPLATE = {
    "job_configuration": {"stream_output": True},
    "variables": {"type": "object", "properties": {}, "additionalProperties": False},
}
