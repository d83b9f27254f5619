"""The notebook example of the documentation shows a picture and prints nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "architecture.md"


def test_the_example_ends_with_a_picture_and_no_log_lines():
    (example,) = re.findall(r"```python\n(from ann_models.*?)```", DOCUMENT.read_text(), re.DOTALL)
    *lines, displayed = example.strip().splitlines()
    code = "\n".join([*lines, f"import sys; sys.stdout.buffer.write(({displayed})._repr_png_())"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.startswith(b"\x89PNG")
    assert done.stderr == b""
