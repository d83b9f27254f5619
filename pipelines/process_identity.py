"""A process by its machine, number and start: enough to know later whether it has ended.

Its start is counted from the machine's boot, so that setting the clock changes nothing; the boot
has an id of its own, so that a number that is reused after a reboot is recognised.
"""

from __future__ import annotations

import socket
from pathlib import Path

import psutil

BOOT = Path("/proc/sys/kernel/random/boot_id")
TOLERANCE = 2.0  # seconds: the boot time is only known to the second


def this_process() -> str:
    """This process in a line: machine, number@seconds since boot, boot id."""
    process = psutil.Process()
    return f"{socket.gethostname()} {process.pid}@{_start(process):.2f} {_boot()}".rstrip()


def has_ended(identity: str) -> bool:
    """Whether that process of this machine has ended; False for those of other machines."""
    host, _, rest = identity.partition(" ")
    if host != socket.gethostname():
        return False
    process, _, boot = rest.partition(" ")
    pid, _, start = process.partition("@")
    try:
        found = psutil.Process(int(pid))
        same = abs(_start(found) - float(start)) < TOLERANCE
        zombie = found.status() == psutil.STATUS_ZOMBIE  # until its parent asks how it ended
    except (psutil.NoSuchProcess, ValueError):
        return True
    return boot != _boot() or not same or zombie


def _start(process: psutil.Process) -> float:
    booted = psutil.boot_time()  # both shift alike when the clock is set
    return process.create_time() - booted


def _boot() -> str:
    try:
        return BOOT.read_text().strip()
    except OSError:
        return ""
