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
        ("ANN_FEEDBACK_URL", "mysql://db/feedback"),
        ("ANN_FEEDBACK_URL", "mysql+pymysql://db/feedback"),
        ("ANN_FEEDBACK_URL", "mssql+pyodbc://db/feedback"),
        ("ANN_MLFLOW_UI", "mlflow"),
        ("ANN_MLFLOW_UI", "http://"),
        ("ANN_MLFLOW_UI", "https:///runs"),
        ("ANN_MLFLOW_UI", "http://an address"),
        ("ANN_MLFLOW_UI", "javascript:alert(1)"),
        ("MLFLOW_TRACKING_URI", "http://"),
        ("ANN_POLL_SECONDS", "nan"),
        ("ANN_POLL_SECONDS", "0"),
        ("ANN_POLL_SECONDS", "often"),
        ("ANN_API_KEY", "schlüssel"),
        ("ANN_API_KEY", "two\nlines"),
        ("ANN_API_KEY", " \n"),
        ("ANN_WEBHOOK_SECRET", "s\x00cret"),
        ("ANN_TRUSTED_PROXIES", "foo"),
        ("ANN_TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/99"),
        ("ANN_HOME", __file__),
        ("ANN_HOME", "/tmp/what?"),
        ("ANN_HOME", "~nosuch/x"),
        ("ANN_HOME", "/tmp/" + 256 * "n"),
    ],
)
def test_an_impossible_value_is_refused_and_its_variable_named(variable, value):
    with pytest.raises(WrongSetting, match=variable):
        load({variable: value})


def test_where_nothing_is_set_all_is_on_this_machine_and_open(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = load({})
    assert found.home == tmp_path / ".ann"
    assert found.tracking_uri == f"sqlite:///{tmp_path}/.ann/mlflow.db"
    assert found.feedback_url == f"sqlite:///{tmp_path}/.ann/feedback.db"
    assert (found.mlflow_ui, found.poll_seconds) == ("http://127.0.0.1:5000", 2)
    assert (found.api_key, found.webhook_secret, found.trusted_proxies) == ("", "", "")
    assert found.cors_origins == frozenset()


@pytest.mark.parametrize("seconds", ["0.01", "999999"])
def test_a_poll_may_be_as_seldom_as_once_in_days(seconds):
    assert load({"ANN_POLL_SECONDS": seconds}).poll_seconds == float(seconds)
    with pytest.raises(WrongSetting, match="expected a number of seconds, such as 2"):
        load({"ANN_POLL_SECONDS": "1000000"})


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        ("https://A.example:443/, http://b.example:80", {"https://a.example", "http://b.example"}),
        ("https://a.example:80,,", {"https://a.example:80"}),
        ("*", {"*"}),
    ],
)
def test_origins_are_compared_as_browsers_write_them(given, origins):
    assert load({"ANN_CORS_ORIGINS": given}).cors_origins == origins


@pytest.mark.parametrize("given", ["a.example", "https://a.example/page", "https://", "null"])
def test_what_is_no_origin_is_refused(given):
    with pytest.raises(WrongSetting, match="ANN_CORS_ORIGINS has"):
        load({"ANN_CORS_ORIGINS": given})


def test_the_newline_that_ends_a_secrets_file_is_no_part_of_it():
    settings = load({"ANN_API_KEY": "k3y\n", "ANN_WEBHOOK_SECRET": " s3cret\r\n"})
    assert (settings.api_key, settings.webhook_secret) == ("k3y", "s3cret")


def test_a_wrong_secret_is_not_repeated():
    with pytest.raises(WrongSetting, match="printable ASCII") as refused:
        load({"ANN_API_KEY": "s3crét"})
    assert "s3cr" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "trusted"),
    [
        ("", ""),
        ("*", "*"),
        ("127.0.0.1, 10.1.2.3/8,", "127.0.0.1/32,10.0.0.0/8"),
        ("::1,fd00::/8", "::1/128,fd00::/8"),
        ("127.0.0.1,*", "*"),
    ],
)
def test_trusted_proxies_are_addresses_and_networks_or_all(given, trusted):
    assert load({"ANN_TRUSTED_PROXIES": given}).trusted_proxies == trusted


def test_of_a_wrong_database_address_the_password_is_not_repeated():
    with pytest.raises(WrongSetting) as refused:
        load({"ANN_FEEDBACK_URL": "postgres://ann:s3cret@db/feedback"})
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("variable", ["ANN_MLFLOW_UI", "MLFLOW_TRACKING_URI"])
def test_of_a_wrong_address_without_a_scheme_the_password_is_not_repeated(variable):
    with pytest.raises(WrongSetting, match=r"is 'ui\.example:5000'") as refused:
        load({variable: "admin:s3cret@ui.example:5000"})
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("variable", ["ANN_MLFLOW_UI", "MLFLOW_TRACKING_URI"])
@pytest.mark.parametrize("password", ["s3cret", "s3/cret", "s3?cret", "s3@cret", 's3"cret', "s3#t"])
def test_links_to_runs_have_no_password_whatever_its_signs(variable, password):
    settings = load({variable: f"http://admin:{password}@ui.example/mlflow/"})
    assert settings.mlflow_ui == "http://ui.example/mlflow"


@pytest.mark.parametrize(
    "uri", ["http://mlflow:5000", "https://mlflow", "sqlite:///a.db", "postgresql+psycopg://db/a"]
)
def test_servers_and_databases_are_accepted(uri):
    assert load({"MLFLOW_TRACKING_URI": uri}).tracking_uri == uri


@pytest.mark.parametrize(
    "url", ["sqlite:///a.db", "postgresql://db/a", "postgresql+psycopg://db/a"]
)
def test_predictions_and_corrections_are_kept_in_sqlite_or_postgresql(url):
    assert load({"ANN_FEEDBACK_URL": url}).feedback_url == url


def test_a_refused_database_is_told_those_that_are_not():
    with pytest.raises(WrongSetting, match=r"begins with 'mysql'; expected SQLite.*PostgreSQL"):
        load({"ANN_FEEDBACK_URL": "mysql://ann:s3cret@db/a"})


@pytest.mark.parametrize("url", ["mysql+nodriver://ann:s3cret@db/x", "mssql+://ann:s3cret@db/x"])
def test_a_database_without_its_python_package_is_refused_before_anything_starts(url):
    with pytest.raises(WrongSetting, match="ANN_FEEDBACK_URL") as refused:
        check_driver(url)
    assert "s3cret" not in str(refused.value)


def test_the_embedded_database_needs_no_package():
    check_driver("sqlite:///feedback.db")
