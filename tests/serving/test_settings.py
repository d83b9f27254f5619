"""What the service reads of its environment, and that an impossible value is named."""

import pytest

from serving.errors import WrongSetting
from serving.settings import check_driver, load


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MLFLOW_TRACKING_URI", "foo"),
        ("MLFLOW_TRACKING_URI", "/a/folder"),
        ("ANN_FEEDBACK_URL", "nonsense"),
        ("ANN_FEEDBACK_URL", "file:///feedback.db"),
        ("ANN_POLL_SECONDS", "nan"),
        ("ANN_POLL_SECONDS", "0"),
        ("ANN_POLL_SECONDS", "often"),
        ("ANN_HOME", __file__),
        ("ANN_HOME", "/tmp/what?"),
    ],
)
def test_an_impossible_value_is_refused_and_its_variable_named(variable, value):
    with pytest.raises(WrongSetting, match=variable):
        load({variable: value})


def test_of_a_wrong_database_address_the_password_is_not_repeated():
    with pytest.raises(WrongSetting) as refused:
        load({"ANN_FEEDBACK_URL": "postgres://ann:s3cret@db/feedback"})
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "uri", ["http://mlflow:5000", "https://mlflow", "sqlite:///a.db", "postgresql+psycopg://db/a"]
)
def test_servers_and_databases_are_accepted(uri):
    assert load({"MLFLOW_TRACKING_URI": uri}).tracking_uri == uri


@pytest.mark.parametrize("url", ["mysql+nodriver://ann:s3cret@db/x", "mssql+://ann:s3cret@db/x"])
def test_a_database_without_its_python_package_is_refused_before_anything_starts(url):
    with pytest.raises(WrongSetting, match="ANN_FEEDBACK_URL") as refused:
        check_driver(url)
    assert "s3cret" not in str(refused.value)


def test_the_embedded_database_needs_no_package():
    check_driver("sqlite:///feedback.db")
