"""Prefect's work pool of this project, for its workers and for whoever asks how they are."""

POOL = "ann"
HEARTBEAT_SECONDS = 10  # between two of a worker's heartbeats; three missed in a row are too many
