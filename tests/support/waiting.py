"""Wait for an event instead of sleeping."""

import time
from collections.abc import Callable
from typing import Any

PATIENCE = 280  # seconds until something counts as hung, on a busy machine


def wait_for(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """What the condition gives once it is true; while nobody listens it is not."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if outcome := condition():
                return outcome
        except OSError:
            pass
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.05)
