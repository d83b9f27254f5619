"""Ports of this machine: whether one is free, and who holds it if not."""

from __future__ import annotations

import socket

import psutil

from pipelines.errors import WrongUse

HOST = "127.0.0.1"


def check_free(port: int, what: str, option: str) -> None:
    """Make sure that a port can be listened on.

    Args:
        port: its number.
        what: what would listen there.
        option: what chooses another, such as `ann ui --port`, or a variable with "=".

    Raises:
        WrongUse: it is taken; says by whom.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            other = port + 1 if port < 65535 else port - 1
            choice = f"{option}{other}" if option.endswith("=") else f"{option} {other}"
            raise WrongUse(
                f"port {port} is taken by another program ({holder(port)}), and {what} needs one. "
                f"End that program, or choose another port: `{choice}`."
            ) from None


def holder(port: int) -> str:
    """The program that listens on a port."""
    for process in psutil.process_iter():
        try:
            ours = process.net_connections(kind="tcp")
            if any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in ours):
                command = " ".join(process.cmdline())
                return f"process {process.pid}, `{command[:100]}`"
        except (psutil.Error, OSError):
            continue
    return "one of another user"
