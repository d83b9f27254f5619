"""Whether this interpreter and system can run the project; `make` asks before it downloads.

Written for old interpreters, too: they are to report what is wrong, not a syntax error.
"""

import os
import platform
import shutil
import sys

FITTING = ((3, 13), (3, 12), (3, 11))


def problem(version, system, machine, installed):
    """What is wrong and what to do, or "".

    Args:
        version: (major, minor) of the interpreter.
        system: as `platform.system()`.
        machine: as `platform.machine()`.
        installed: names of fitting interpreters on this machine, the newest first.
    """
    if system == "Windows":
        return "Windows is not supported; use Linux in WSL 2 (https://aka.ms/wsl)."
    if system == "Darwin" and machine == "x86_64":
        return (
            "Macs with an Intel processor are not supported: TensorFlow 2.21 has no wheel for "
            "them. Use Linux or a Mac with Apple silicon, or the containers (docs/stack.md)."
        )
    if tuple(version) in FITTING:
        return ""
    found = " or ".join("make PYTHON=" + name for name in installed)
    return "Python {}.{} does not fit; 3.11, 3.12 or 3.13 is needed. {}".format(
        version[0],
        version[1],
        "Repeat with: " + found if found else "Install one, and name it: make PYTHON=python3.13",
    )


def main():
    """Print what is wrong and exit with 1, if anything is."""
    names = ["python{}.{}".format(*version) for version in FITTING]
    installed = [name for name in names if shutil.which(name)]
    found = problem(sys.version_info[:2], platform.system(), platform.machine(), installed)
    if found:
        sys.stderr.write(found + os.linesep)
        sys.exit(1)


if __name__ == "__main__":
    main()
