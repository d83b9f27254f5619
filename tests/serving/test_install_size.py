"""What serving needs on disk, installed as its container installs it."""

import subprocess
import venv
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
LARGEST_MB = 400


def test_the_serving_environment_is_small_and_suffices(tmp_path):
    folder = tmp_path / "serving"
    venv.create(folder, with_pip=True, symlinks=True)
    python = folder / "bin/python"
    lock = ["--no-deps", "--require-hashes", "--requirement", ROOT / "requirements-serving.lock"]
    install = [python, "-m", "pip", "install", "--quiet", "--no-cache-dir", *lock]
    done = subprocess.run(install, capture_output=True, text=True)
    if done.returncode:
        assert "hash" not in done.stderr.lower(), done.stderr
        pytest.skip(f"needs a package index: {done.stderr.strip()[-300:]}")
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    megabytes = sum(path.stat().st_blocks * 512 for path in files) / 1024**2
    print(f"the serving environment takes {megabytes:.0f} MB")
    assert megabytes < LARGEST_MB
    subprocess.run(
        [python, "-c", "import serving.process.supervisor, serving.process.worker"],
        cwd=ROOT,
        check=True,
    )
