"""Changed rows and tables of one's own, through the flow, beside the lecture's."""

import pytest

from ann_models.errors import InvalidSetting
from pipelines.errors import WrongUse
from pipelines.flows.context import Context
from pipelines.flows.lecture import lecture
from pipelines.tracking import views
from pipelines.tracking.tags import changes_of
from tests.support.served import enter

pytestmark = pytest.mark.usefixtures("prefect")

ROW = "relu_regression_1"
CHANGES = {"layers.0.activation": "tanh", "epochs": "2"}


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def home(shared_home, monkeypatch):
    enter(shared_home, monkeypatch)
    return shared_home


@pytest.mark.usefixtures("plain_study")
def test_a_changed_row_is_tracked_beside_its_origin_with_what_differs(home):
    report = lecture([ROW], changes={"epochs": "2"})
    report = lecture([ROW], changes=CHANGES)
    (row,) = report.rows
    run = Context.open().tracking.client.get_run(row.run_id)
    assert run.data.tags["derived_from"] == ROW
    assert run.data.tags["set.layers.0.activation"] == "tanh"
    assert run.data.tags["set.epochs"] == "2"
    assert run.data.params["layers"].startswith("Dense 1 tanh")
    assert "layers.0.activation=tanh" in run.data.tags["mlflow.note.content"].split("\n")[0]
    newest = Context.open().tracking.newest_by_variant()
    assert {f"{ROW}+epochs=2", f"{ROW}+epochs=2+layers.0.activation=tanh"} <= set(newest)


@pytest.mark.usefixtures("plain_study")
def test_a_row_with_one_more_layer_is_tracked_with_it(home):
    report = lecture([ROW], changes={"layers.0+": "dense 2 tanh", "epochs": "2"})
    run = Context.open().tracking.client.get_run(report.rows[0].run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["set.layers.0.plus"] == "dense 2 tanh"
    assert changes_of(run.data.tags) == {"layers.0+": "dense 2 tanh", "epochs": "2"}


@pytest.mark.usefixtures("plain_study")
def test_changed_rows_are_not_drawn_among_the_lectures(home):
    report = lecture([ROW], changes=CHANGES)
    assert list(report.views) == ["neurons"]
    experiment = Context.open().tracking.experiment("neurons")
    overviews = Context.open().tracking.client.search_runs([experiment], "tags.overview != ''")
    assert not overviews  # no row of the lecture itself was run


@pytest.mark.usefixtures("plain_study")
def test_a_changed_digit_network_is_no_candidate_for_the_service(home):
    changes = {"layers.1.units": "3", "epochs": "1", "data.size": "100"}
    report = lecture(["mnist_ann"], changes=changes, seeds=1)
    assert report.rows[0].status == "finished"
    assert not report.decisions
    assert report.champion is None


def test_more_digits_than_there_are_are_refused_before_a_run_is_made(home):
    before = len(Context.open().tracking.runs())
    with pytest.raises(WrongUse, match=r"data.size=1198, and offline-digits has 1,197"):
        lecture(["mnist_ann"], changes={"data.size": "1198"})
    assert len(Context.open().tracking.runs()) == before


def test_changes_without_names_and_faulty_ones_are_refused(home):
    with pytest.raises(InvalidSetting, match="name the variants"):
        lecture(changes=CHANGES)
    with pytest.raises(InvalidSetting, match="units must be 1 to 100,000"):
        lecture([ROW], changes={"layers.0.units": "0"})
    for seeds in (0, 101):
        with pytest.raises(InvalidSetting, match=f"seeds={seeds}: expected 1 to 100"):
            lecture([ROW], seeds=seeds)


def test_a_table_of_ones_own_runs_in_experiments_of_its_own(home, tmp_path):
    (tmp_path / "points.csv").write_text("".join(f"{i},{i * i}\n" for i in range(20)))
    path = tmp_path / "mine.toml"
    path.write_text(
        '[[question]]\nkey = "smooth"\ntitle = "Smooth?"\nlook_at = "The corners."\n'
        '[[variant]]\nname = "four_tanh"\nlike = "relu_regression_4"\nquestion = "smooth"\n'
        'layers.0.activation = "tanh"\nepochs = 2\n'
        '[[variant]]\nname = "mine"\nquestion = "smooth"\ndata = "points.csv"\n'
        'layers = ["dense 3 tanh", "dense 1"]\nepochs = 2\n'
    )
    report = lecture(table=str(path))
    assert [(row.name, row.status) for row in report.rows] == [
        ("four_tanh", "finished"),
        ("mine", "finished"),
    ]
    tracking = Context.open().tracking
    experiment = tracking.client.get_experiment(tracking.experiment("smooth"))
    assert experiment.name == "Smooth?"
    assert report.views["smooth"] == views.link("", experiment.experiment_id, "smooth")
    run = tracking.client.get_run(report.rows[1].run_id)
    assert run.data.tags["data_source"] == "own"
    quick = lecture(["mine"], table=str(path), quick=True)
    assert quick.rows[0].status == "finished"
    assert tracking.experiment("smooth", quick=True) != experiment.experiment_id
