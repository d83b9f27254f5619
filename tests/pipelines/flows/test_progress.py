"""What a person sees while the pipeline works."""

import io
import os

import cloudpickle
import pytest
from rich.console import Console

from pipelines.flows import lecture, progress
from pipelines.flows.progress import Terminal


@pytest.fixture
def terminal() -> Terminal:
    terminal = Terminal()
    terminal.console = Console(file=io.StringIO(), width=100, highlight=False)
    return terminal


def shown(terminal: Terminal) -> str:
    return terminal.console.file.getvalue()


def test_a_variant_that_is_done_leaves_one_line_with_its_seconds(terminal):
    with terminal.variant("mnist_ann", 3, 24):
        terminal.epochs(5, 5, 0.04)
    (line,) = shown(terminal).splitlines()
    assert line.split()[:3] == ["3/24", "mnist_ann", "✓"]
    assert line.endswith(" s")


def test_a_variant_that_failed_is_not_ticked_off(terminal):
    with terminal.variant("mnist_ann", 3, 24):
        terminal.failure("mnist_ann: it diverged")
    reason, line = shown(terminal).splitlines()
    assert reason == "! mnist_ann: it diverged"
    assert line.split()[2] == "✗"


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_variant_that_was_interrupted_is_not_ticked_off(terminal, error):
    with pytest.raises(error), terminal.variant("mnist_ann", 3, 24):
        raise error
    assert shown(terminal).split()[2] == "✗"


def test_a_bar_with_loss_moves_while_a_network_trains(terminal):
    terminal.console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with terminal.variant("mnist_ann", 3, 24):
        terminal.epochs(1, 5, 0.25)
        (task,) = terminal._bars.tasks
        assert (task.completed, task.total, task.fields["loss"]) == (1, 5, "loss 0.25")


def test_several_variants_have_a_bar_each_until_they_end(terminal):
    terminal.console = Console(file=io.StringIO(), width=100, force_terminal=True)
    terminal.moved("mnist_ann", 1, 5, 0.25)
    terminal.moved("mnist_cnn", 2, 3, 0.5)
    assert [task.completed for task in terminal._bars.tasks] == [1, 2]
    terminal.ended("mnist_cnn", 1, 2, True, 7.0)
    (task,) = terminal._bars.tasks
    assert task.description.strip() == "mnist_ann"
    terminal.cleared()
    assert terminal._bars is None


def test_epochs_between_two_variants_are_nobodys(terminal):
    terminal.epochs(1, 5, 0.25)
    assert shown(terminal) == ""


def test_progress_is_told_on_the_error_stream_only(capsys):
    Terminal().stage("starting")
    Terminal().notice("OFFLINE DIGITS")
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == ["▸ starting", "! OFFLINE DIGITS"]


def test_what_compiled_libraries_say_is_kept_in_the_log(tmp_path, capfd):
    with progress.native_errors_to(tmp_path / "ann.log"):
        os.write(2, b"oneDNN custom operations are on.\n")
    os.write(2, b"a sentence\n")
    assert (tmp_path / "ann.log").read_text() == "oneDNN custom operations are on.\n"
    assert capfd.readouterr().err == "a sentence\n"


def test_the_error_stream_comes_back_after_an_error(tmp_path, capfd):
    with pytest.raises(ImportError), progress.native_errors_to(tmp_path / "ann.log"):
        raise ImportError
    os.write(2, b"a sentence\n")
    assert capfd.readouterr().err == "a sentence\n"


def test_the_flow_goes_to_workers_whatever_shows_its_progress_here(terminal, monkeypatch):
    monkeypatch.setattr(progress, "display", terminal)
    assert cloudpickle.loads(cloudpickle.dumps(lecture.lecture)).name == "lecture"
