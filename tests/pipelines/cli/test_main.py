"""The command `ann`: quick to answer, one sentence for every mistake, the promised exit codes."""

import os
import shlex
import shutil
import subprocess
import sys

import click
import pytest

from ann_models.variants import VARIANTS
from pipelines.cli import errors
from pipelines.cli.main import COMMANDS, main

HEAVY = ("tensorflow", "keras", "mlflow", "prefect", "onnxruntime", "matplotlib", "sklearn")


# --- quick answers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", ["--help", "--version", "list", "run --help", "run mnist_an", "nonsense"]
)
def test_nothing_heavy_is_imported_for_a_quick_answer(arguments, tmp_path):
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print([m for m in {HEAVY} if m in sys.modules]))\n"
        f"from pipelines.cli.main import main; main({arguments.split()!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_help_reads_no_settings(tmp_path):
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('pipelines.settings' in sys.modules))\n"
        "from pipelines.cli.main import main; main(['--help'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.stdout.splitlines()[-1] == "False"


def commands(group: click.Group = main, *path: str) -> list[tuple[tuple[str, ...], click.Command]]:
    """Every command and subcommand."""
    found = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        found.append(((*path, name), command))
        if isinstance(command, click.Group):
            found += commands(command, *path, name)
    return found


@pytest.mark.parametrize(("path", "command"), commands())
def test_every_option_has_help_and_every_command_examples_that_can_be_parsed(path, command):
    for option in command.params:
        assert isinstance(option, click.Argument) or option.help, option.name
    if isinstance(command, click.Group) and not command.invoke_without_command:
        return
    assert command.epilog
    for line in command.epilog.splitlines()[2:]:
        text = next(part for part in line.split("|") if part.strip().startswith("ann "))
        words = shlex.split(text.partition(" >")[0])[1:]
        _parse(main, words)
        assert any(words[: len(path)] == list(path) for path, _ in commands())


def _parse(command: click.Command, words: list[str]) -> None:
    context = command.make_context("ann", words)
    if isinstance(command, click.Group) and (rest := [*context._protected_args, *context.args]):
        name, subcommand, arguments = command.resolve_command(context, rest)
        assert subcommand, name
        _parse(subcommand, arguments)


def test_every_command_is_in_the_help(ann):
    output = ann("--help").output
    assert all(f"  {command} " in output for command in COMMANDS)


def test_the_version_is_the_packages(ann):
    assert ann("--version").output == "ann, version 0.1.0\n"


# --- wrong use ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "mnist_an"),
        ("run", "--seeds", "0", "mnist_ann"),
        ("run", "--nonsense"),
        ("compare", "mnist_an"),
        ("predict",),
        ("predict", "no-such-file.png"),
        ("models", "promote", "1"),
        ("ui", "--port", "70000"),
        ("models", "--name", "nosuch"),
        ("models", "promote", "99", "--reason", "why not"),
        ("export", "mnist-digits/99", "a.zip"),
        ("export", "no-such-run", "a.zip"),
        ("drift", "--days", "nan"),
        ("drift", "--days", "inf"),
        ("drift", "--days", "-1"),
        ("drift", "--days", "1e300"),
        ("serve", "--workers", "0"),
        ("benchmark", "serving", "--seconds", "nan"),
        ("benchmark", "serving", "--turns", "0"),
        ("benchmark", "serving", "--connections", "-1"),
        ("benchmark", "pipeline", "--workers", "-1"),
        ("benchmark", "training", "--plot", "no/such/folder/a.png"),
        ("nonsense",),
    ],
)
def test_wrong_use_has_exit_code_2_and_no_traceback(ann, arguments):
    result = ann(*arguments)
    assert result.exit_code == errors.WRONG_USE
    assert result.stderr
    assert "Traceback" not in result.output


def test_an_unknown_variant_gets_the_nearest_names(ann):
    assert ann("run", "mnist_an").stderr == (
        "ann: no variant is called 'mnist_an'; did you mean mnist_ann, mnist_cnn, "
        "mnist_augmented? `ann list` names them all.\n"
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [("MLFLOW_TRACKING_URI", "mlruns"), ("PREFECT_API_URL", "prefect"), ("ANN_HOME", __file__)],
)
@pytest.mark.parametrize("command", ["run", "compare", "models", "doctor", "ui"])
def test_a_wrong_environment_is_wrong_use_of_any_command(
    ann, monkeypatch, variable, value, command
):
    monkeypatch.setenv(variable, value)
    result = ann(command)
    assert result.exit_code == errors.WRONG_USE
    assert value in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["models", "status", "run", "serve"])
def test_a_working_folder_that_is_gone_is_named_as_the_fault(ann, tmp_path, monkeypatch, command):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    refused = ann(command)
    assert refused.exit_code == errors.WRONG_USE
    assert "the current folder no longer exists; cd to another." in refused.stderr


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--name", "there is no champion of ''; see `ann models`."),
        (
            "--version",
            "there is no version '' of mnist-digits or offline-digits; see `ann models`.",
        ),
        ("--run", "there is no version of run '' of mnist-digits or offline-digits; see"),
    ],
)
def test_an_empty_option_is_no_other_model_version_or_run(
    in_filled, seven, tmp_path, option, sentence
):
    (tmp_path / "7").mkdir()
    shutil.move(seven, tmp_path / "7")
    result = in_filled("evaluate", str(tmp_path), option, "")
    assert result.exit_code == errors.WRONG_USE, result.output
    assert f"ann: {sentence}" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate", ""),
        ("predict", ""),
        ("import", ""),
        ("export", "0a1b", ""),
        ("report", ""),
        ("list", "--table", ""),
        ("code", "xor_mlp", "--output", ""),
        ("benchmark", "training", "--plot", ""),
        ("benchmark", "guard", ""),
    ],
    ids=" ".join,
)
def test_an_empty_path_is_not_the_current_folder(ann, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    refused = ann(*arguments)
    assert refused.exit_code == errors.WRONG_USE, refused.output
    assert "''" in refused.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("option", "value"), [("--images", "''"), ("--data", "''")])
def test_an_empty_data_set_is_not_mnist(ann, option, value):
    result = ann("run", "mnist_ann", option, "")
    assert result.exit_code == errors.WRONG_USE, result.output
    assert value in result.stderr


# --- terminals ------------------------------------------------------------------------------------


def test_in_60_columns_nothing_is_cut(in_filled, filled):
    os.environ["COLUMNS"] = "40"
    output = in_filled("compare").stdout
    assert "mnist_ann\n" in output
    assert "  test acc.: 97.50%\n" in output
    os.environ["COLUMNS"] = "60"
    for variant in VARIANTS.values():
        assert variant.name in in_filled("list").stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_unicode_gets_replacements(encoding, tmp_path):
    environ = os.environ | {"PYTHONIOENCODING": encoding, "ANN_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "pipelines.cli"]
    for arguments in (["list"], ["doctor"]):
        done = subprocess.run([*command, *arguments], env=environ, capture_output=True, timeout=300)
        assert b"Error" not in done.stderr
        assert done.stdout
    assert b"packages: mlflow" in done.stdout


def test_a_closed_pipe_ends_a_command_without_a_word(filled):
    environ = os.environ | {"ANN_HOME": str(filled)}
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "pipelines.cli", "models"]
    done = subprocess.run(command, env=environ, stdout=writer, stderr=subprocess.PIPE, timeout=300)
    os.close(writer)
    assert done.stderr == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's /dev/full")
@pytest.mark.parametrize("arguments", ["--help", "--version", "serve --help", "benchmark --help"])
def test_help_that_cannot_be_written_is_no_traceback(arguments, tmp_path):
    environ = os.environ | {"ANN_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "pipelines.cli", *arguments.split()]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, env=environ, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == errors.FAILED
    assert done.stderr.startswith("ann: No space left on device")
    assert done.stderr.count("\n") == 1


def test_shells_complete_names():
    environ = os.environ | {
        "_ANN_COMPLETE": "bash_complete",
        "COMP_WORDS": "ann run mnist_c",
        "COMP_CWORD": "2",
    }
    code = "from pipelines.cli.main import main; main(prog_name='ann')"
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)
    assert done.stdout == "plain,mnist_cnn\n"
