"""TensorFlow is imported without its informational lines, and with all others."""

from __future__ import annotations

import subprocess
import sys

import pytest

FAKE_TENSORFLOW = """
import os
os.write(2, b"I0000 information\\nW0000 a warning\\n")
"""


def test_what_is_more_than_information_is_still_printed(tmp_path):
    (tmp_path / "tensorflow.py").write_text(FAKE_TENSORFLOW)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import ann_models.tensorflow_import"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stderr == b"W0000 a warning\n"


def imported(folder, then=""):
    """A process that imports the module where `folder` holds a TensorFlow of its own."""
    start = f"import sys; sys.path.insert(0, {str(folder)!r}); "
    code = start + "import ann_models.tensorflow_import" + then
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_what_is_printed_after_the_import_is_not_filtered(tmp_path):
    (tmp_path / "tensorflow.py").write_text("")
    done = imported(tmp_path, "; import os; os.write(2, b'I0000 later\\n')")
    assert done.stderr == "I0000 later\n"


def test_an_import_that_fails_is_told_with_what_it_printed(tmp_path):
    (tmp_path / "tensorflow.py").write_text(FAKE_TENSORFLOW + "raise ImportError('no library')")
    done = imported(tmp_path)
    assert done.returncode != 0
    assert done.stderr.startswith("W0000 a warning\n")
    assert "I0000" not in done.stderr
    assert "ImportError: no library" in done.stderr


@pytest.mark.parametrize(("set_before", "level"), [("", "3"), ("0", "0")])
def test_the_log_level_is_3_where_none_was_chosen(tmp_path, monkeypatch, set_before, level):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    if set_before:
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", set_before)
    (tmp_path / "tensorflow.py").write_text("")
    done = imported(tmp_path, "; import os; print(os.environ['TF_CPP_MIN_LOG_LEVEL'])")
    assert done.stdout.strip() == level


def test_tensorflow_that_is_imported_already_is_left_alone(tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise ImportError")
    code = "import sys; sys.modules['tensorflow'] = sys; import ann_models.tensorflow_import"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


NEEDS_NEITHER = """
def found(name):
    try:
        __import__(name)
    except ImportError:
        return False
    return True
print(found("matplotlib"), found("sklearn"))
"""


def test_keras_goes_without_matplotlib_and_scikit_learn_which_are_found_afterwards(tmp_path):
    (tmp_path / "tensorflow.py").write_text(NEEDS_NEITHER)
    done = imported(tmp_path, "; import matplotlib, sklearn; print(sklearn.__name__)")
    assert done.stdout.splitlines() == ["False False", "sklearn"], done.stderr


def test_what_a_program_imported_before_is_there_for_keras_too(tmp_path):
    (tmp_path / "tensorflow.py").write_text(NEEDS_NEITHER)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import matplotlib; "
    code += "import ann_models.tensorflow_import, matplotlib.figure"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["True False"], done.stderr


def test_the_real_import_leaves_both_out_and_networks_can_be_built():
    code = (
        "import sys, ann_models.training; from ann_models import networks, variants; "
        "networks.build(variants.VARIANTS['relu_regression_4'], (1,), seed=0); "
        "print([name in sys.modules for name in ('keras', 'matplotlib', 'sklearn')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[True, False, False]", done.stderr
