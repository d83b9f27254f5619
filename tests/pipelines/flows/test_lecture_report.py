"""`ann report`: the newest runs as one page that needs no other file."""

import io
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure
from PIL import Image

from ann_models.findings import Findings
from pipelines import settings
from pipelines.cli.main import main
from pipelines.flows import lecture_report
from pipelines.flows.lecture_report import NothingToReport, gather, report
from pipelines.registry.client import Registry
from pipelines.tracking import views
from pipelines.tracking.client import Tracking
from tests.support import databases
from tests.support.browser import needs_a_browser, start

UI = "http://127.0.0.1:5000"


def figure(inches: tuple[float, float] = (9, 6)) -> Figure:
    made = Figure(figsize=inches)
    made.subplots().plot([1, 2])
    return made


def log(store, variant: str, question: str, metrics: dict[str, float], **tags: str) -> str:
    experiment = store.experiment(question)
    tags = {"variant": variant, "quick": "false", "data_source": "mnist", "seeds": "3"} | tags
    findings = Findings(metrics, figures={"zz": figure(), "sum_of_neurons": figure()})
    with store.run(experiment, variant, tags) as run_id:
        store.client.log_param(run_id, "study", "relu_regression")
        store.log_findings(run_id, findings, {})
    store.make_newest(run_id, variant, experiment)
    return run_id


@pytest.fixture(scope="module")
def filled_database(tmp_path_factory, empty_store) -> bytes:
    """Two rows of one question, its comparison, and a row of another question."""
    store = opened(tmp_path_factory.mktemp("filled"), empty_store)
    spread = {"final_train_loss": 0.19, "spread/final_train_loss": 0.02, "train_seconds": 1.5}
    log(store, "relu_regression_2", "neurons", spread)
    log(store, "relu_regression_1", "neurons", spread)
    accuracy = {"val_accuracy": 0.97, "val_accuracy_std": 0.001, "train_seconds": 3.0}
    log(store, "mnist_ann", "digits", accuracy)
    with store.run(store.experiment("neurons"), "overview", {"overview": "neurons"}) as run_id:
        store.log_findings(run_id, Findings(figures={"final_loss": figure()}), {})
    return databases.content(store.settings.home / "mlflow.db")


@pytest.fixture
def filled(tmp_path, filled_database) -> Tracking:
    return opened(tmp_path, filled_database)


def opened(home: Path, database: bytes) -> Tracking:
    (home / "mlflow.db").write_bytes(database)
    return Tracking(settings.load({"ANN_HOME": str(home)})).open()


def registry(store) -> Registry:
    return Registry(store.settings.tracking_uri, store.settings.home)


def test_questions_and_rows_are_in_the_order_of_the_lecture(filled):
    content = gather(filled, registry(filled), UI)
    assert [section.key for section in content.sections] == ["neurons", "digits"]
    rows = content.sections[0].rows
    assert [row.name for row in rows] == ["relu_regression_1", "relu_regression_2"]
    assert rows[0].look_at.startswith("One neuron gives one kink")


def test_numbers_have_their_spread_and_how_many_seeds(filled):
    neurons, digits = gather(filled, registry(filled), UI).sections
    assert neurons.rows[0].numbers["final train loss"] == "0.19 ± 0.02"
    assert digits.rows[0].numbers["val accuracy"] == "97.00% ± 0.10%"
    assert digits.rows[0].seeds == 3


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        *((name, "97.50%") for name in (*views.IN_PERCENT, "ece", "zero_activation_share")),
        *((name, "97.50%") for name in ("non_digits_marked", "hands_wrong_unmarked")),
        ("linear_layer_gap_scaled", "0.975"),
        ("train_mse", "0.975"),
    ],
)
def test_shares_are_shown_in_per_cent(name, shown):
    assert lecture_report._number({name: 0.975}, name) == shown


def test_the_figure_that_stands_for_a_row_comes_first_and_the_comparison_has_its_own(filled):
    section = gather(filled, registry(filled), UI).sections[0]
    assert [picture.title for picture in section.rows[0].pictures] == ["Sum of neurons", "Zz"]
    assert [picture.title for picture in section.comparison] == ["Final loss"]
    with Image.open(io.BytesIO(section.comparison[0].image)) as image:
        assert image.width == lecture_report.WIDTH


def test_a_wide_figure_has_the_width_of_the_page_and_its_pixels(filled):
    with filled.run(filled.experiment("neurons"), "overview", {"overview": "neurons"}) as run_id:
        filled.log_findings(run_id, Findings(figures={"three_panels": figure((18, 5))}), {})
    content = gather(filled, registry(filled), UI)
    (picture,) = content.sections[0].comparison
    with Image.open(io.BytesIO(picture.image)) as image:
        assert image.width > lecture_report.WIDTH
    assert picture.wide
    assert not content.sections[0].rows[0].pictures[0].wide
    assert lecture_report.render(content).count('<figure class="wide">') == 1


def test_the_page_needs_no_other_file_and_links_to_the_runs(filled):
    page = report(filled, registry(filled), UI)
    loaded = re.findall(r'(?:src|srcset)="([^"]{0,40})', page) + re.findall(r"url\(([^)]*)", page)
    assert loaded
    assert all(address.startswith("data:image/png;base64,") for address in loaded)
    assert "<script" not in page
    assert "<link" not in page
    run = filled.newest_by_variant()["mnist_ann"].info
    assert f"{UI}/#/experiments/{run.experiment_id}/runs/{run.run_id}" in page
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_a_changed_row_stands_behind_its_origin_with_what_differs(filled):
    origin = {"derived_from": "relu_regression_1", "set.layers.0.activation": "tanh"}
    log(filled, "relu_regression_1+tanh", "neurons", {"train_seconds": 1.0}, **origin)
    rows = gather(filled, registry(filled), UI).sections[0].rows
    assert [r.name for r in rows][:2] == ["relu_regression_1", "relu_regression_1+tanh"]
    assert rows[1].changes == "layers.0.activation=tanh"


@pytest.mark.parametrize("value", ["images:alpha=/home/me/alpha", "/home/me/points.csv"])
def test_the_page_does_not_tell_where_the_authors_files_are(filled, value):
    origin = {"derived_from": "mnist_ann", "set.data": value}
    note = {"mlflow.note.content": f"mnist_ann with data={value}.\n\nmore"}
    log(filled, "mnist_ann+data=mine", "digits", {"train_seconds": 1.0}, **origin, **note)
    assert "/home/me" not in report(filled, registry(filled), UI)


def test_what_people_name_is_escaped(filled):
    log(filled, "<script>alert(1)</script>", "neurons", {"train_seconds": 1.0})
    assert "<script>" not in report(filled, registry(filled), UI)


def test_offline_digits_are_marked(filled):
    accuracy = {"val_accuracy": 0.9, "train_seconds": 1.0}
    run_id = log(filled, "mnist_cnn", "digits", accuracy, data_source="offline-digits")
    filled.client.log_param(run_id, "registered", "True")
    page = report(filled, registry(filled), UI)
    assert "OFFLINE DIGITS, not MNIST" in page
    assert "The digit networks compared" in page


def test_networks_are_ranked_by_digits_of_one_source_and_not_among_other_pictures(filled):
    for name, accuracy, source in (
        ("on_offline", 0.99, "offline-digits"),
        ("worse", 0.95, "mnist"),
        ("better", 0.96, "mnist"),
        ("on_clothes", 0.98, "fashion-mnist"),
    ):
        metrics = {"val_accuracy": accuracy, "train_seconds": 1.0}
        run_id = log(filled, name, "digits", metrics, data_source=source)
        filled.client.log_param(run_id, "registered", "True")
    board = gather(filled, registry(filled), UI).leaderboard
    assert [row[0] for row in board.rows] == ["better", "worse", "on_offline"]


def test_pictures_of_ones_own_have_a_table_of_their_own(filled):
    about = {"data_source": "letters", "derived_from": "mnist_ann"}
    run_id = log(filled, "mnist_ann+data=letters", "digits", {"test_error_count": 1.0}, **about)
    filled.client.log_param(run_id, "data", "images:letters=/home/me/letters")
    about = {"data_source": "shapes", "derived_from": "mnist_ann"}
    run_id = log(filled, "mnist_ann+data=shapes", "digits", {"test_error_count": 1.0}, **about)
    filled.client.log_param(run_id, "data", "images:shapes=/home/me/shapes")
    _, digits, *own = gather(filled, registry(filled), UI).sections
    letters, shapes = sorted(own, key=lambda section: section.title)
    assert shapes.title == "5 Which digit is it? On the pictures of shapes"
    assert [row.name for row in digits.rows] == ["mnist_ann"]
    assert [row.name for row in letters.rows] == ["mnist_ann+data=letters"]
    assert letters.title == "5 Which digit is it? On the pictures of letters"
    assert "viewStateShareKey=digits-own" in letters.link


def test_a_champions_numbers_are_shown_but_for_those_that_somebody_wrote_as_text(filled):
    client, name = filled.client, "mnist-digits"
    client.create_registered_model(name)
    about = {
        "variant": "mnist_ann",
        "val_accuracy": "98 %",
        "robustness": "0.73",
        "onnx_ms": "0.01",
    }
    client.create_model_version(name, "s3://nowhere/model", filled.runs()[0].info.run_id, about)
    client.set_registered_model_alias(name, "champion", "1")
    (champion,) = gather(filled, registry(filled), UI).champions
    assert champion.facts["accuracy on corrupted digits"] == "73.00%"
    assert champion.facts["milliseconds an image"] == "0.010"
    assert "validation accuracy" not in champion.facts


def test_nothing_to_report_is_said(store):
    with pytest.raises(NothingToReport, match="`ann run`"):
        report(store, registry(store), UI)


@pytest.mark.slow
def test_a_page_of_forty_rows_stays_small(store):
    for number in range(40):
        log(store, f"row_{number}", "neurons", {"train_seconds": 1.0})
    assert len(report(store, registry(store), UI)) < 5_000_000


@needs_a_browser
@pytest.mark.slow
def test_a_long_name_does_not_widen_the_page_on_a_telephone(filled, tmp_path):
    log(filled, "nonlinear_classification+data=measurements.csv-4bfbee", "neurons", {})
    (tmp_path / "page.html").write_text(report(filled, registry(filled), UI), encoding="utf-8")
    browser = start(tmp_path / "profile")
    try:
        browser.get((tmp_path / "page.html").as_uri())
        screen = {"width": 320, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        page = browser.find_element("tag name", "html")
        assert page.get_property("scrollWidth") == page.get_property("clientWidth")
    finally:
        browser.quit()


@needs_a_browser
@pytest.mark.slow
def test_the_command_prints_a_pdf_of_several_pages(filled, tmp_path, monkeypatch):
    monkeypatch.setenv("ANN_HOME", str(filled.settings.home))
    page = tmp_path / "lecture.html"
    result = CliRunner().invoke(main, ["report", str(page), "--pdf"])
    assert result.exit_code == 0, result.output
    content = page.with_suffix(".pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type /Page\n") >= 2
