"""The comparison views: valid for MLflow's store, and opened in a real browser."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tests.support.browser as chromium
from ann_models.derive import derive
from ann_models.variants import QUESTIONS, VARIANTS
from pipelines.tracking import question_views, views
from pipelines.tracking.saved_views import link
from pipelines.tracking.tags import LATEST, NOTE, RUN_COLOR

PREFIX = "mlflow.sharedViewState."


def states(question: str) -> dict[str, dict[str, Any]]:
    tags = views.views_for(question)
    return {
        key.removeprefix(PREFIX): json.loads(json.loads(value)["state"])
        for key, value in tags.items()
    }


def test_the_name_of_a_changed_row_begins_with_what_differs(tmp_path):
    names = []
    for letter in "ab":
        file = tmp_path / f"long_measurement_series_of_the_year_{letter}.csv"
        file.write_text("0,0\n1,1\n2,0\n3,1\n")
        changes = {"data": str(file), "epochs": "9"}
        names.append(views.run_name(derive(VARIANTS["relu_regression_2"], changes)))
    digest = r"[0-9a-f]{6}"
    assert re.fullmatch(
        rf"data=long_m…year_a.csv-{digest} · epochs=9 · relu_regression_2", names[0]
    )
    assert re.match(rf"data=long_m…year_b.csv-{digest} ", names[1])
    assert views.run_name(VARIANTS["xor_mlp"]) == "xor_mlp"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("dense 1; dense 10; dense", "dense 1; dense 10; dense"),
        ("dense 1; dense 10; dense ", "dense … dense 10; dense "),
    ],
)
def test_a_value_of_up_to_24_characters_is_shown_whole(value: str, shown: str) -> None:
    variant = replace(VARIANTS["xor_mlp"], changes=(("layers", value),))
    assert views.run_name(variant) == f"layers={shown} · xor_mlp"


def test_a_name_of_many_changes_fits_into_mlflows_column_of_250_characters():
    changes = {f"layers.{i}.units": str(10 + i) for i in (1, 2)}
    changes |= {"layers": "flatten; " + "dense 9 relu; " * 30 + "dense 10 softmax"}
    name = views.run_name(derive(VARIANTS["mnist_ann"], changes))
    assert len(name) < 250


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_view_is_an_envelope_that_fits_into_an_experiment_tag(question: str) -> None:
    for key, value in views.views_for(question).items():
        assert re.fullmatch(r"mlflow\.sharedViewState\.[a-z_-]+", key)
        assert len(value) <= 20_000
        envelope = json.loads(value)
        assert isinstance(envelope["name"], str)
        assert isinstance(envelope["createdAt"], int)
        assert isinstance(envelope["state"], str)


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_menu_begins_with_the_main_view(question: str) -> None:
    envelopes = [json.loads(value) for value in views.views_for(question).values()]
    menu = sorted(envelopes, key=lambda envelope: -envelope["createdAt"])
    assert menu[0]["name"] == question_views.VIEWS[question][0].name


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000/#/experiments/3/runs?"),
        ("http://127.0.0.1:5000/", "http://127.0.0.1:5000/#/experiments/3/runs?"),
        ("https://ml.example/tracking/", "https://ml.example/tracking/#/experiments/3/runs?"),
        ("", "#/experiments/3/runs?"),
    ],
)
def test_a_link_survives_another_base_url(base: str, expected: str) -> None:
    assert link(base, "3", "neurons").startswith(f"{expected}viewStateShareKey=neurons&")


def test_an_experiments_note_is_one_line_with_a_link_to_each_view() -> None:
    note = views.experiment_note(QUESTIONS["overfitting"], "7")
    assert note.startswith(QUESTIONS["overfitting"].look_at)
    assert "\n" not in note
    assert all(
        f"({link('', '7', view.id)})" in note for view in question_views.VIEWS["overfitting"]
    )


def test_every_study_has_a_figure_that_stands_for_its_runs() -> None:
    general = {"points_classification", "points_regression"}  # of changed and own entries
    assert {variant.study for variant in VARIANTS.values()} | general == set(views.PANELS)


@pytest.mark.parametrize("question", QUESTIONS)
def test_variants_of_one_question_have_different_colours(question: str) -> None:
    colours = [views.colour(v) for v in VARIANTS.values() if v.question == question]
    assert len(set(colours)) == len(colours)
    assert all(re.fullmatch("#[0-9A-F]{6}", colour) for colour in colours)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, list[str]]:
    """An MLflow store with an old, a failed and two current runs of the question `neurons`."""
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("store")
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    question = QUESTIONS["neurons"]
    experiment = client.create_experiment(question.title, (folder / "artifacts").as_uri())
    for key, value in views.views_for(question.key).items():
        client.set_experiment_tag(experiment, key, value)
    note = views.experiment_note(question, experiment)
    client.set_experiment_tag(experiment, NOTE, note)
    run_ids = []
    for name, units, latest, status in (
        ("relu_regression_4", 4, "false", "FINISHED"),
        ("relu_regression_1", 1, "true", "FAILED"),
        ("relu_regression_2", 2, "true", "FINISHED"),
        ("relu_regression_100", 100, "true", "FINISHED"),
    ):
        run_id = client.create_run(experiment, run_name=name).info.run_id
        for epoch in range(1, 11):
            client.log_metric(run_id, "train_loss", 1 / epoch / units, step=epoch)
        for seed in range(3):
            client.log_metric(run_id, "seeds/final_train_loss", 0.1 / units, step=seed)
        client.log_metric(run_id, "max_error", 0.1 / units)
        image = np.full((40, 60, 3), 128, np.uint8)
        client.log_image(
            run_id, image, key=question_views.PICTURES["neurons"], step=0, synchronous=True
        )
        client.log_image(run_id, image, "figures/a panel.png", synchronous=True)
        client.set_tag(run_id, LATEST, latest)
        client.set_tag(run_id, RUN_COLOR, views.colour(VARIANTS[name]))
        note = views.pictures(run_id, ["figures/a panel.png"])
        client.set_tag(run_id, NOTE, note)
        client.set_terminated(run_id, status)
        run_ids.append(run_id)
    return folder, experiment, run_ids


def test_views_show_only_finished_runs_that_are_their_variants_latest(
    store: tuple[Path, str, list[str]],
) -> None:
    from mlflow import MlflowClient

    folder, experiment, (_, _, *current) = store
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    runs = client.search_runs([experiment], states("neurons")["neurons"]["searchFilter"])
    assert {run.info.run_id for run in runs} == set(current)


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_views_filter_and_order_are_understood_by_mlflow(
    question: str, store: tuple[Path, str, list[str]]
) -> None:
    from mlflow import MlflowClient

    folder, experiment, _ = store
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    for state in states(question).values():
        client.search_runs([experiment], state["searchFilter"], order_by=[state["orderByKey"]])


@pytest.fixture(scope="module")
def server(store: tuple[Path, str, list[str]]) -> Iterator[str]:
    """The base URL of a real MLflow server on the store."""
    folder, _, _ = store
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }
    command = f"-m mlflow server --host 127.0.0.1 --port {port} --workers 1"
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                *command.split(),
                "--backend-store-uri",
                f"sqlite:///{folder}/mlflow.db",
            ],
            env={**os.environ, **quiet},
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_healthy(url, process)
            yield url
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
            return
        except OSError:
            time.sleep(0.5)
    pytest.fail("the MLflow server did not become healthy in 90 s; see server.log")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    driver = chromium.start(tmp_path_factory.mktemp("chromium"), "window-size=1600,2200")
    yield driver
    driver.quit()


@pytest.mark.slow
@chromium.needs_a_browser
def test_mlflows_ui_opens_a_view_with_its_headings_charts_and_pictures(
    server: str, store: tuple[Path, str, list[str]], browser: Any
) -> None:
    _, experiment, _ = store
    browser.get(link(server, experiment, "neurons"))
    view = question_views.VIEWS["neurons"][0]
    expected = [section.name for section in view.sections] + [
        view.name,  # in the menu of views
        "train_loss",
        "seeds/final_train_loss",
        "max_error",
        question_views.PICTURES["neurons"],
        "relu_regression_2",
        "relu_regression_100",
    ]
    text = _text_with(browser, expected)
    assert [name for name in expected if name not in text] == []
    assert "relu_regression_4" not in text  # an older run
    assert "relu_regression_1\n" not in text  # a failed run
    assert _wait_for(lambda: len(browser.find_elements("css selector", ".js-plotly-plot")) >= 3)


@pytest.mark.slow
@chromium.needs_a_browser
def test_mlflows_ui_shows_a_runs_figures_in_its_note(
    server: str, store: tuple[Path, str, list[str]], browser: Any
) -> None:
    _, experiment, run_ids = store
    browser.get(f"{server}/#/experiments/{experiment}/runs/{run_ids[-1]}")
    loaded = "return [...document.images].some(i => /a%20panel/.test(i.src) && i.naturalWidth)"
    assert _wait_for(lambda: browser.execute_script(loaded))


def _text_with(browser: Any, expected: list[str]) -> str:
    """The page's text once all that is expected has appeared, or what there is after a minute."""

    def text() -> str:
        return str(browser.execute_script("return document.body.innerText"))

    _wait_for(lambda: all(name in text() for name in expected))
    return text()


def _wait_for(condition: Callable[[], object]) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.5)
    return False
