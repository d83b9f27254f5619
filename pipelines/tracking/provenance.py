"""Where a run comes from: who started it, with which command and which code."""

from __future__ import annotations

import getpass
import importlib.metadata
import subprocess
import sys
from functools import cache
from pathlib import Path

from pipelines.tracking import tags

LONGEST_COMMAND = 500  # characters


def of_this_process() -> dict[str, str]:
    """MLflow's tags of a run's origin, which its UI shows as User, Source and Version."""
    commit = git_commit()
    return {
        tags.USER: user(),
        tags.SOURCE_NAME: command(),
        tags.SOURCE_TYPE: "LOCAL",
        tags.SOURCE_COMMIT: commit,
        tags.GIT_COMMIT: commit,
    }


@cache
def user() -> str:
    """The system's name of who runs this process."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "unknown"


def command() -> str:
    """The command line of this process, such as "ann run xor_mlp"."""
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:LONGEST_COMMAND]


@cache
def git_commit() -> str:
    """The code's commit, or the installed version where there is no checkout."""
    here = Path(__file__).parent
    arguments = ["git", "-C", str(here), "rev-parse", "HEAD"]
    try:
        return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return importlib.metadata.version("ann-pipelines")
