"""What a person sees while a flow runs."""

import contextlib
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


def test_a_variant_that_is_finished_leaves_one_line_with_its_seconds(terminal):
    with terminal.training("mnist_ann"):
        terminal.epochs(5, 5, 0.04)
    terminal.ended("mnist_ann", 3, 24, True, 1.25)
    (line,) = shown(terminal).splitlines()
    assert line.split() == ["3/24", "mnist_ann", "✓", "1.2", "s"]


def test_a_variant_that_failed_gets_a_cross(terminal):
    terminal.ended("mnist_ann", 3, 24, False, 1.25)
    assert shown(terminal).split()[2] == "✗"


@pytest.mark.parametrize("error", [None, KeyboardInterrupt, RuntimeError])
def test_a_training_that_ends_in_any_way_removes_its_bar_and_claims_nothing(terminal, error):
    terminal.console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with contextlib.suppress(KeyboardInterrupt, RuntimeError), terminal.training("mnist_ann"):
        if error:
            raise error
    assert terminal._progress is None
    assert "✓" not in shown(terminal)


def test_a_bar_with_loss_moves_while_a_network_trains(terminal):
    terminal.console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with terminal.training("mnist_ann"):
        terminal.epochs(1, 5, 0.25)
        (task,) = terminal._progress.tasks
        assert (task.completed, task.total, task.fields["loss"]) == (1, 5, "loss 0.25")


def test_a_result_that_arrives_while_the_next_variant_trains_leaves_its_bar(terminal):
    terminal.console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with terminal.training("mnist_cnn"):
        terminal.ended("mnist_ann", 1, 2, True, 1.0)
        (task,) = terminal._progress.tasks
        assert task.description.strip() == "mnist_cnn"


def test_several_variants_have_a_bar_each_until_they_end(terminal):
    terminal.console = Console(file=io.StringIO(), width=100, force_terminal=True)
    terminal.moved("mnist_ann", 1, 5, 0.25)
    terminal.moved("mnist_cnn", 2, 3, 0.5)
    assert [task.completed for task in terminal._progress.tasks] == [1, 2]
    terminal.ended("mnist_cnn", 1, 2, True, 7.0)
    (task,) = terminal._progress.tasks
    assert task.description.strip() == "mnist_ann"
    terminal.cleared()
    assert terminal._progress is None


FOREIGN = "No kernel [/job:localhost/replica:0] for [batch, 28] in [old]/a :warning:"


@pytest.mark.parametrize("tell", ["stage", "notice", "failure"])
def test_brackets_in_foreign_text_are_shown_as_they_are(terminal, tell):
    getattr(terminal, tell)(FOREIGN)
    assert FOREIGN in shown(terminal)


def test_brackets_in_a_name_are_shown_in_its_bar_and_in_its_line(terminal):
    terminal.console = Console(file=io.StringIO(), width=120, force_terminal=True)
    with terminal.training("a[/b]"):
        terminal.epochs(1, 5, 0.25)
        terminal._progress.refresh()
    terminal.ended("a[/b]", 1, 1, True, 1.0)
    assert shown(terminal).count("a[/b]") >= 2


def test_epochs_outside_a_training_are_not_shown(terminal):
    terminal.epochs(1, 5, 0.25)
    assert shown(terminal) == ""


def test_progress_is_printed_on_the_error_stream_only(capsys):
    Terminal().stage("starting")
    Terminal().notice("OFFLINE DIGITS")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == ["▸ starting", "! OFFLINE DIGITS"]


def test_what_compiled_libraries_print_goes_to_the_log(tmp_path, capfd):
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


def test_flows_can_be_pickled_for_workers_whichever_reporter_is_in_use_here(terminal):
    with progress.reporting_to(terminal):
        assert cloudpickle.loads(cloudpickle.dumps(lecture.lecture)).name == "lecture"
