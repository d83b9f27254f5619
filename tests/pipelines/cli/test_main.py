"""The command `ann`: quick to answer, one sentence for every mistake, the promised exit codes."""

import json
import os
import shlex
import shutil
import subprocess
import sys

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from mlflow import MlflowClient
from PIL import Image

from ann_models.findings import Findings
from ann_models.variants import VARIANTS
from pipelines import settings
from pipelines.cli import compare, errors, session
from pipelines.cli.main import COMMANDS, main
from pipelines.tracking.client import Tracking
from serving.errors import NoChampion
from serving.model.loaded_model import Answers
from serving.model.uncertainty import SURE

HEAVY = ("tensorflow", "keras", "mlflow", "prefect", "onnxruntime", "matplotlib", "sklearn")


@pytest.fixture
def ann(tmp_path):
    """Run a command in this process, in a state folder of its own."""
    before = dict(os.environ)
    os.environ |= {"ANN_HOME": str(tmp_path / "home"), "COLUMNS": "200"}
    for variable in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL"):
        os.environ.pop(variable, None)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, list(arguments))

    yield run
    os.environ.clear()  # what a command exports to MLflow and Prefect is forgotten
    os.environ.update(before)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A state folder with two runs and three registered versions."""
    home = tmp_path_factory.mktemp("filled")
    tracking = Tracking(settings.load({"ANN_HOME": str(home)})).open()
    experiment = tracking.experiment("digits")
    for name, accuracy in (("mnist_ann", 0.975), ("mnist_cnn", 0.985)):
        tags = {"variant": name, "quick": "false"}
        with tracking.run(experiment, name, tags) as run_id:
            tracking.log_findings(run_id, Findings({"test_accuracy": accuracy}), {})
        tracking.make_newest(run_id, name, experiment)
    client = tracking.client
    client.create_registered_model("mnist-digits")
    for tags in (
        {"decision": "promoted", "reasons": "There is no champion to beat."},
        {"decision": "refused", "reasons": "It is worse.\nIt is slower.", "val_accuracy": "0.91"},
        {"decision": "forced", "forced_reason": "smaller, for the old phones"},
    ):
        tags["variant"] = "mnist_ann"
        client.create_model_version("mnist-digits", home.as_uri(), tags=tags, await_creation_for=0)
    client.set_registered_model_alias("mnist-digits", "champion", "3")
    client.set_registered_model_alias("mnist-digits", "previous", "1")
    return home


@pytest.fixture
def in_filled(ann, filled):
    os.environ["ANN_HOME"] = str(filled)
    return ann


class Oracle:
    """A champion that answers seven."""

    name, version, data = "mnist-digits", "3", "mnist"

    def __init__(self, data: str = "mnist") -> None:
        self.data = data

    least_confidence = SURE
    labels = ()

    def answer(self, images: np.ndarray) -> Answers:
        seven = np.tile(np.eye(10)[7] * 0.91 + 0.009, (len(images), 1))
        return Answers(seven, np.ones(len(images)))


@pytest.fixture
def oracle(monkeypatch) -> type[Oracle]:
    monkeypatch.setattr("pipelines.registry.champion.fetch_champion", lambda *_: Oracle())
    return Oracle


@pytest.fixture
def seven(tmp_path):
    image = np.zeros((28, 28), np.uint8)
    image[5:8, 6:22] = image[5:24, 18:21] = 255
    path = tmp_path / "seven.png"
    Image.fromarray(image).save(path)
    return path


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


def test_every_variant_is_listed_with_its_row_and_what_it_shows(ann):
    lines = ann("list").output.splitlines()
    for variant in VARIANTS.values():
        (line,) = (line for line in lines if variant.name in line.split())
        assert str(variant.row) in line.split()


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


# --- errors ---------------------------------------------------------------------------------------


def test_an_error_is_one_message_and_its_traceback_is_in_the_log(offline, tmp_path):
    result = offline("models", "rollback")
    assert result.exit_code == errors.FAILED
    assert result.stderr.startswith("ann: offline-digits has no previous champion")
    assert result.stderr.count("\n") == 1
    assert "Traceback" in (tmp_path / "home/ann.log").read_text()


@pytest.mark.parametrize(
    "arguments", [("models", "promote", "99", "--reason", "x"), ("export", "mnist-digits/99", "a")]
)
def test_a_missing_version_is_wrong_use_of_every_command_and_names_those_there_are(
    in_filled, arguments
):
    result = in_filled(*arguments)
    assert result.exit_code == errors.WRONG_USE
    assert result.stderr == "ann: mnist-digits has no version '99'; its versions: 3, 2, 1.\n"


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


def test_an_empty_model_is_not_the_digits(in_filled, seven):
    result = in_filled("predict", "--model", "", str(seven))
    assert result.exit_code == errors.WRONG_USE, result.output
    assert result.stderr == "ann: '' has no champion; `ann models` lists what is registered.\n"


@pytest.mark.parametrize(("option", "value"), [("--images", "''"), ("--data", "'data='")])
def test_an_empty_data_set_is_not_mnist(ann, option, value):
    result = ann("run", "mnist_ann", option, "")
    assert result.exit_code == errors.WRONG_USE, result.output
    assert value in result.stderr


def test_an_unexpected_error_says_where_its_traceback_is(ann, monkeypatch, tmp_path):
    def fail():
        raise RuntimeError("the tables are round")

    monkeypatch.setattr(session, "load_settings", fail)
    (tmp_path / "home").mkdir()
    result = ann("compare")
    assert result.exit_code == errors.FAILED
    assert result.stderr.splitlines() == [
        "ann: RuntimeError: the tables are round",
        f"ann: unexpected error; the traceback is in {tmp_path}/home/ann.log",
    ]


def test_an_interruption_is_a_sentence(ann, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "load_settings", interrupt)
    result = ann("compare")
    assert result.exit_code == errors.FAILED
    assert result.stderr.startswith("ann: interrupted")


# --- predict --------------------------------------------------------------------------------------


def test_a_digit_is_read_with_its_probability_and_who_says_so(ann, oracle, seven):
    result = ann("predict", str(seven))
    assert result.exit_code == errors.DONE
    assert result.stdout == (
        f"{seven}: 7  (91.9%)\nanswered by mnist-digits version 3, trained on mnist\n"
    )


def test_programs_read_the_same_as_json(ann, oracle, seven):
    answers = json.loads(ann("predict", "--json", str(seven), str(seven)).stdout)
    assert len(answers) == 2
    assert answers[0].keys() == {"file", "digit", "probabilities", "model", "version", "data"} | {
        "reason",
        "uncertain",
    }
    assert (answers[0]["file"], answers[0]["digit"]) == (str(seven), 7)
    assert len(answers[0]["probabilities"]) == 10


def test_what_the_service_would_mark_is_marked(ann, oracle, tmp_path):
    speckles = tmp_path / "speckles.png"
    noise = np.random.default_rng(0).integers(0, 2, (28, 28), np.uint8) * 255
    Image.fromarray(noise).save(speckles)
    marked = f"{speckles}: 7  (91.9%)  uncertain: not one digit\n"
    assert ann("predict", str(speckles)).stdout.startswith(marked)
    assert json.loads(ann("predict", "--json", str(speckles)).stdout)[0]["uncertain"] is True


def test_a_bad_file_among_good_ones_costs_only_itself(ann, oracle, seven, tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("no picture")
    result = ann("predict", str(seven), str(text), str(tmp_path / "nothing"), str(seven))
    assert result.exit_code == errors.FAILED
    assert result.stdout.count(": 7  (91.9%)") == 2
    assert [line.split(": ")[1] for line in result.stderr.splitlines()] == [
        str(text),
        str(tmp_path / "nothing"),
    ]
    answers = json.loads(ann("predict", "--json", str(text), str(seven)).stdout)
    assert answers[0].keys() == {"file", "error"}
    assert answers[1]["digit"] == 7


@pytest.mark.parametrize("what", ["nothing", "a folder"])
def test_if_no_file_can_be_read_it_is_wrong_use(ann, oracle, tmp_path, what):
    (tmp_path / "a folder").mkdir()
    result = ann("predict", str(tmp_path / what))
    assert result.exit_code == errors.WRONG_USE
    assert f"{tmp_path / what}: cannot be read: " in result.stderr
    assert result.stdout == ""


def test_a_dash_is_standard_input(ann, oracle, seven):
    result = CliRunner().invoke(main, ["predict", "-"], input=seven.read_bytes())
    assert result.stdout.startswith("-: 7  (91.9%)\n")


def test_not_more_is_read_than_a_picture_may_have(ann, oracle, tmp_path):
    huge = tmp_path / "huge.png"
    with huge.open("wb") as file:
        file.truncate(2**40)  # sparse: reading all of it would need a terabyte
    result = ann("predict", str(huge), "/dev/zero")
    assert result.exit_code == errors.WRONG_USE
    assert result.stderr.count("has more than 10,000,000 bytes") == 2


def test_without_an_mnist_champion_the_offline_digits_answer_and_say_so(ann, monkeypatch, seven):
    def fetch(uri, name, alias, home):
        if name == "mnist-digits":
            raise NoChampion("there is none")
        return Oracle("offline-digits")

    monkeypatch.setattr("serving.model.download.fetch", fetch)
    result = ann("predict", str(seven))
    assert result.exit_code == errors.DONE
    assert "OFFLINE DIGITS" in result.stderr


def test_without_any_champion_the_way_to_one_is_said(ann, seven):
    result = ann("predict", str(seven))
    assert result.exit_code == errors.FAILED
    assert "`ann run`" in result.stderr


# --- compare and models ---------------------------------------------------------------------------


def test_runs_are_compared_side_by_side_with_the_page_that_shows_more(in_filled):
    lines = in_filled("compare", "mnist_cnn", "mnist_ann").stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [
        ["mnist_ann", "97.50%"],
        ["mnist_cnn", "98.50%"],
    ]
    assert "viewStateShareKey=digits" in lines[3]


def test_runs_are_compared_as_json(in_filled):
    rows = json.loads(in_filled("compare", "--json").stdout)
    assert [(row["name"], row["metrics"]) for row in rows] == [
        ("mnist_ann", {"test_accuracy": 0.975}),
        ("mnist_cnn", {"test_accuracy": 0.985}),
    ]


def test_a_run_with_changes_of_an_unknown_origin_is_labelled_by_its_own_name():
    assert compare._label({"variant": "mine", "set.epochs": "5"}) == "mine, epochs=5"
    changed = {"variant": "mine+", "derived_from": "mine", "set.epochs": "5"}
    assert compare._label(changed) == "mine, epochs=5"


def test_every_version_is_shown_with_its_decision_and_reasons_newest_first(in_filled):
    output = in_filled("models").stdout
    assert output == (
        "mnist-digits version 3 [champion]\n"
        "  mnist_ann: forced\n"
        "    forced: smaller, for the old phones\n"
        "mnist-digits version 2\n"
        "  mnist_ann: refused, 91.00% of the validation digits\n"
        "    It is worse.\n"
        "    It is slower.\n"
        "mnist-digits version 1 [previous]\n"
        "  mnist_ann: promoted\n"
        "    There is no champion to beat.\n"
    )


def test_versions_are_json_for_programs(in_filled):
    versions = json.loads(in_filled("models", "--json").stdout)
    assert [version["number"] for version in versions] == ["3", "2", "1"]
    assert versions[1]["tags"]["decision"] == "refused"


def test_promote_and_roll_back_move_the_champion_and_record_why(ann, filled, tmp_path):
    shutil.copytree(filled, tmp_path / "home")
    client = MlflowClient(f"sqlite:///{tmp_path}/home/mlflow.db")

    def champion() -> int:
        return client.get_model_version_by_alias("mnist-digits", "champion").version

    result = ann("models", "promote", "2", "--reason", "a test")
    assert result.stdout == "mnist-digits version 2 is champion now.\n"
    assert f"was moved from {filled}" in result.stderr
    assert champion() == 2
    assert client.get_model_version("mnist-digits", "2").tags["forced_reason"] == "a test"
    assert ann("models", "rollback").stdout == "mnist-digits version 3 is champion again.\n"
    assert champion() == 3


def test_a_rollback_to_nowhere_is_refused(ann):
    result = ann("models", "rollback")
    assert result.exit_code == errors.FAILED
    assert "no previous champion" in result.stderr


def test_an_empty_store_says_how_to_fill_it(ann):
    assert "`ann run" in ann("compare").stderr
    assert "`ann run" in ann("models").stderr


# --- offline digits -------------------------------------------------------------------------------


@pytest.fixture
def offline(ann, tmp_path):
    """A state folder in which only the offline digits were trained."""
    tracking = Tracking(settings.load({"ANN_HOME": str(tmp_path / "home")}))
    experiment = tracking.experiment("digits")
    tags = {"variant": "mnist_ann", "quick": "false", "seeds": "1", "data_source": "offline-digits"}
    metrics = {"test_accuracy": 0.97, "val_accuracy": 0.96, "parameters": 9.0, "ece": 0.1}
    with tracking.run(experiment, "mnist_ann", tags) as run_id:
        tracking.log_findings(run_id, Findings(metrics | {"train_seconds": 1.0}), {})
    tracking.make_newest(run_id, "mnist_ann", experiment)
    client = tracking.client
    client.create_registered_model("offline-digits")
    tags = {"decision": "promoted", "variant": "mnist_ann"}
    client.create_model_version("offline-digits", "file:///x", tags=tags, await_creation_for=0)
    client.set_registered_model_alias("offline-digits", "champion", "1")
    return ann


def test_the_offline_digits_champion_is_listed(offline):
    output = offline("models").stdout
    assert output.startswith("offline-digits version 1 [champion]\n")
    assert "OFFLINE DIGITS" in output


@pytest.mark.parametrize("command", ["compare", "leaderboard"])
def test_numbers_of_the_offline_digits_are_marked(offline, command):
    output = offline(command).stdout
    assert "OFFLINE DIGITS: not MNIST" in output


def test_errors_are_counted_on_the_digits_that_were_tested(offline):
    assert "9/300 OFFLINE" in offline("leaderboard").stdout
    (entry,) = json.loads(offline("leaderboard", "--json").stdout)
    assert (entry["data"], entry["test_images"]) == ("offline-digits", 300)


def test_of_the_offline_digits_versions_one_is_promoted_where_there_is_no_other(offline):
    result = offline("models", "promote", "1", "--reason", "a test")
    assert result.stdout == "offline-digits version 1 is champion now.\n"


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


def test_shells_complete_names():
    environ = os.environ | {
        "_ANN_COMPLETE": "bash_complete",
        "COMP_WORDS": "ann run mnist_c",
        "COMP_CWORD": "2",
    }
    code = "from pipelines.cli.main import main; main(prog_name='ann')"
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)
    assert done.stdout == "plain,mnist_cnn\n"


def test_the_history_shows_every_decision_newest_first(ann, filled, tmp_path):
    shutil.copytree(filled, tmp_path / "home")
    ann("models", "promote", "1", "--reason", "a demonstration")
    ann("models", "promote", "2", "--reason", "another one")
    lines = ann("models", "history").stdout.splitlines()
    assert "version 2 promoted by " in lines[0]
    assert lines[1] == "    another one"
    assert "version 1 promoted by " in lines[2]
    found = json.loads(ann("models", "history", "--json").stdout)
    assert [(event["version"], event["by"]) for event in found] == [("2", "hand"), ("1", "hand")]


def test_a_model_without_decisions_has_no_history(in_filled):
    assert in_filled("models", "--name", "offline-digits", "history").stdout == (
        "offline-digits has no history yet.\n"
    )
