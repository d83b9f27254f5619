"""Where state lives and which servers are used, checked before anything is started."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import certifi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import settings
from pipelines.errors import WrongUse
from serving.credentials import bare_address


def load(home: Path, **environ: str) -> settings.Settings:
    return settings.load({"ANN_HOME": str(home), **environ})


def test_state_lives_in_the_current_folder_unless_set_otherwise(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = settings.load({})
    assert found.home == tmp_path / ".ann"
    assert found.home.is_dir()
    assert found.tracking_uri == f"sqlite:///{tmp_path}/.ann/mlflow.db"
    assert found.embedded
    assert found.prefect_api_url is None


def test_ann_home_is_where_everything_goes(tmp_path):
    found = load(tmp_path / "a folder" / "deeper")
    places = (found.artifacts, found.data, found.work, found.log)
    assert all(place.is_relative_to(tmp_path / "a folder/deeper") for place in places)


def test_a_tilde_is_the_persons_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert settings.load({"ANN_HOME": "~/state"}).home == tmp_path / "state"


def test_the_variables_of_mlflow_and_prefect_win(tmp_path):
    found = load(
        tmp_path, MLFLOW_TRACKING_URI="http://mlflow:5000", PREFECT_API_URL="https://p.example/api"
    )
    assert found.tracking_uri == "http://mlflow:5000"
    assert not found.embedded
    assert found.prefect_api_url == "https://p.example/api"


def test_an_empty_variable_is_an_unset_one(tmp_path):
    assert load(tmp_path, MLFLOW_TRACKING_URI="", PREFECT_API_URL="") == load(tmp_path)


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:5000",
        "https://user:secret@mlflow.example/prefix",
        "sqlite:///runs.db",
        "postgresql+psycopg2://mlflow@db/runs",
        "mysql+pymysql://mlflow@db:3306/runs",
    ],
)
def test_servers_and_databases_are_taken(tmp_path, uri):
    assert load(tmp_path, MLFLOW_TRACKING_URI=uri).tracking_uri == uri


@pytest.mark.parametrize(
    "uri",
    [
        "mlruns",
        "file:///srv/mlruns",
        "htp://127.0.0.1:5000",
        "http://",
        "http://:5000",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "sqlite",
        "http://127.0.0.1:five",
        "http://[::1",
        "sqlite:",
        "127.0.0.1:5000",
    ],
)
def test_a_malformed_tracking_uri_is_refused_with_its_value_and_an_example(tmp_path, uri):
    with pytest.raises(WrongUse) as refusal:
        load(tmp_path, MLFLOW_TRACKING_URI=uri)
    assert "MLFLOW_TRACKING_URI" in str(refusal.value)
    assert repr(uri) in str(refusal.value)
    assert "expected" in str(refusal.value)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_any_other_text_as_an_address_is_wrong_use_or_taken_never_a_crash(uri):
    try:
        settings._check_tracking_uri(uri)
    except WrongUse as refusal:
        assert repr(bare_address(uri)) in str(refusal)


@pytest.mark.parametrize("url", ["prefect", "localhost:4200/api", "ftp://host/api", "http:///api"])
def test_a_malformed_prefect_url_is_refused(tmp_path, url):
    with pytest.raises(WrongUse, match=r"PREFECT_API_URL is .*expected an address such as"):
        load(tmp_path, PREFECT_API_URL=url)


@pytest.mark.parametrize("port", ["nonsense", "-1", "0", "99999", "9464.5", "²"])
def test_a_wrong_port_for_metrics_is_refused(tmp_path, port):
    with pytest.raises(WrongUse, match=f"ANN_METRICS_PORT is '{port}'; set it to a port"):
        load(tmp_path, ANN_METRICS_PORT=port)


def test_a_port_for_metrics_is_a_number_and_none_where_the_variable_is_empty():
    assert settings.metrics_port({"ANN_METRICS_PORT": "9464"}) == 9464
    assert settings.metrics_port({"ANN_METRICS_PORT": ""}) is None


@pytest.mark.parametrize("name", ["ANN_OFFLINE", "ANN_SHADOW"])
def test_a_switch_is_on_or_off_and_nothing_else(tmp_path, name):
    for value in ("false", "no", "2", " 1"):
        with pytest.raises(WrongUse, match=f"{name} is '{value}'; set it to 1 .on. or 0 .off"):
            load(tmp_path, **{name: value})
    for value in ("", "0", "1"):
        load(tmp_path, **{name: value})


def test_a_malformed_address_of_mlflows_pages_is_refused(tmp_path):
    with pytest.raises(WrongUse, match="ANN_MLFLOW_UI is 'mlflow'; expected an address such as"):
        load(tmp_path, ANN_MLFLOW_UI="mlflow")


@pytest.mark.parametrize("variable", ["ANN_MLFLOW_UI", "MLFLOW_TRACKING_URI", "PREFECT_API_URL"])
def test_of_an_address_without_a_scheme_the_password_is_not_repeated(tmp_path, variable):
    with pytest.raises(WrongUse, match=r"is 'ui\.example:5000'") as refused:
        load(tmp_path, **{variable: "admin:s3cret@ui.example:5000"})
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("place", ["a file", "a file/below"])
def test_a_state_folder_that_cannot_be_written_is_refused_with_what_to_do(tmp_path, place):
    (tmp_path / "a file").touch()
    said = r"state folder .* (cannot be written .* S|is a file; s)et ANN_HOME"
    with pytest.raises(WrongUse, match=said):
        load(tmp_path / place)


def test_a_state_folder_of_an_impossible_name_is_refused(tmp_path):
    with pytest.raises(WrongUse, match=r"cannot be used \(File name too long\); set ANN_HOME to"):
        settings.read({"ANN_HOME": str(tmp_path / (256 * "n"))})
    with pytest.raises(WrongUse, match="ANN_HOME is '~nosuch/x', and there is no such user"):
        settings.read({"ANN_HOME": "~nosuch/x"})


@pytest.mark.parametrize("text", ["abc", "-1", "2.5", "9" * 9, "²"])
@pytest.mark.parametrize("name", settings.NUMBERS)
def test_a_variable_that_mlflow_reads_as_a_number_is_checked(tmp_path, name, text):
    with pytest.raises(WrongUse, match=f"{name} is '{text}'; set it to a whole number, or unset"):
        load(tmp_path, **{name: text})
    load(tmp_path, **{name: ""})


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", *settings.CERTIFICATES])
def test_a_file_of_certificates_is_one(tmp_path, name):
    (tmp_path / "empty.pem").write_text("nothing")
    for place in (tmp_path / "empty.pem", tmp_path / "nonexistent.pem"):
        with pytest.raises(WrongUse) as refusal:
            load(tmp_path, **{name: str(place)})
        assert f"{name} is '{place}', which is no file of certificates (" in str(refusal.value)
    load(tmp_path, **{name: certifi.where()})


def test_a_file_of_certificates_that_becomes_none_is_refused(tmp_path):
    place = tmp_path / "changing.pem"
    shutil.copy(certifi.where(), place)
    load(tmp_path, SSL_CERT_FILE=str(place))
    place.write_text("nothing")
    with pytest.raises(WrongUse, match="no file of certificates"):
        load(tmp_path, SSL_CERT_FILE=str(place))


def test_a_folder_of_certificates_is_there(tmp_path):
    with pytest.raises(WrongUse, match="SSL_CERT_DIR is '/nonexistent', which is no folder"):
        load(tmp_path, SSL_CERT_DIR="/nonexistent")
    load(tmp_path, SSL_CERT_DIR=f"/nonexistent:{tmp_path}")
    load(tmp_path, REQUESTS_CA_BUNDLE=str(tmp_path))
    with pytest.raises(WrongUse, match="no file of certificates"):
        load(tmp_path, SSL_CERT_FILE=str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_read_only_state_folder_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(WrongUse, match="Permission denied"):
        load(tmp_path)


def test_the_check_leaves_nothing_behind(tmp_path):
    load(tmp_path)
    assert not list(tmp_path.iterdir())


def test_mlflow_and_prefect_get_the_state_folder(tmp_path):
    environ = {}
    settings.export(load(tmp_path), environ)
    assert environ["MLFLOW_TRACKING_URI"] == f"sqlite:///{tmp_path}/mlflow.db"
    assert environ["PREFECT_HOME"] == f"{tmp_path}/prefect"


def test_what_xla_compiles_is_kept_for_the_next_run_of_the_same_machine(tmp_path, monkeypatch):
    environ = {}
    here = load(tmp_path)
    settings.export(here, environ)
    assert environ["TF_XLA_FLAGS"] == f"--tf_xla_persistent_cache_directory={here.compiled}"
    kept = here.compiled
    (tmp_path / "cpuinfo").write_text("flags: another processor")
    monkeypatch.setattr(settings, "PROCESSORS", tmp_path / "cpuinfo")
    assert here.compiled != kept


def test_what_a_person_set_for_them_wins(tmp_path):
    environ = {"PREFECT_HOME": "/srv/prefect", "TF_CPP_MIN_LOG_LEVEL": "0"}
    settings.export(load(tmp_path), environ)
    assert environ["PREFECT_HOME"] == "/srv/prefect"
    assert environ["TF_CPP_MIN_LOG_LEVEL"] == "0"


def test_an_empty_variable_of_theirs_counts_as_not_set(tmp_path):
    environ = {"PREFECT_HOME": "", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": ""}
    settings.export(load(tmp_path), environ)
    assert environ["PREFECT_HOME"] == str(tmp_path / "prefect")
    assert environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "3"


def test_reading_the_settings_imports_nothing_heavy():
    heavy = "mlflow", "prefect", "tensorflow", "keras", "numpy"
    code = f"import sys, pipelines.settings; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("environ", "address"),
    [
        ({}, "http://127.0.0.1:5000"),
        ({"MLFLOW_TRACKING_URI": "http://mlflow:5000/"}, "http://mlflow:5000"),
        ({"ANN_MLFLOW_UI": "https://ml.example/"}, "https://ml.example"),
        ({"MLFLOW_TRACKING_URI": "http://bob:s3cr%40et@mlflow:5000"}, "http://mlflow:5000"),
        ({"ANN_MLFLOW_UI": "https://bob:s3cret@ml.example"}, "https://ml.example"),
        ({"MLFLOW_TRACKING_URI": "postgresql://bob:s3cret@db/mlflow"}, "http://127.0.0.1:5000"),
    ],
)
def test_links_lead_to_the_mlflow_server_or_to_anns_own_pages(tmp_path, environ, address):
    loaded = settings.load({"ANN_HOME": str(tmp_path), **environ})
    assert settings.ui_address(loaded, environ) == address


# What is sent through a proxy; that every client library obeys is tested in `test_proxies.py`.

PROXY = "http://127.0.0.1:9"


def test_what_is_exempt_already_stays_exempt():
    environ = {"http_proxy": PROXY, "NO_PROXY": "intern.example, 10.0.0.0/8"}
    settings.bypass_proxy(environ)
    assert environ["no_proxy"] == "intern.example,10.0.0.0/8,127.0.0.1,localhost,::1"
    before = dict(environ)
    settings.bypass_proxy(environ)
    assert environ == before


@pytest.mark.parametrize(
    "environ", [{}, {"http_proxy": ""}, {"http_proxy": PROXY, "no_proxy": "*"}]
)
def test_without_a_proxy_or_with_all_exempt_nothing_is_added(environ):
    settings.bypass_proxy(environ)
    assert environ.get("no_proxy", "") in ("", "*")


@pytest.mark.parametrize("name", ["http_proxy", "HTTPS_PROXY", "all_proxy"])
def test_behind_a_proxy_this_machine_is_exempt_under_both_spellings(name):
    environ = {name: PROXY, "no_proxy": "localhost,"}
    settings.bypass_proxy(environ)
    assert environ["no_proxy"] == environ["NO_PROXY"] == "localhost,127.0.0.1,::1"


# What compiled programs are kept for


@pytest.mark.parametrize("line", ["flags : fpu avx2", "Features : fp asimd"])
def test_compiled_programs_belong_to_one_processors_features(tmp_path, monkeypatch, line):
    monkeypatch.setattr(settings, "PROCESSORS", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text(f"processor : 0\n{line}\n")
    kept = load(tmp_path).compiled
    assert kept.parent == tmp_path / "compiled"
    (tmp_path / "cpuinfo").write_text(f"processor : 1\n{line}\n")
    assert load(tmp_path).compiled == kept
    (tmp_path / "cpuinfo").write_text(f"processor : 1\n{line} more\n")
    assert load(tmp_path).compiled != kept


@pytest.mark.parametrize("content", [None, "processor : 0\n"])
def test_a_system_that_names_no_features_is_named_itself(tmp_path, monkeypatch, content):
    monkeypatch.setattr(settings, "PROCESSORS", tmp_path / "cpuinfo")
    if content:
        (tmp_path / "cpuinfo").write_text(content)
    kept = load(tmp_path).compiled
    monkeypatch.setattr(settings.platform, "platform", lambda: "another system")
    assert load(tmp_path).compiled != kept


def test_a_store_that_may_not_be_looked_for_is_not_taken_for_none(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    found = settings.read({"ANN_HOME": str(tmp_path)})
    assert found.is_new
    monkeypatch.setattr(Path, "exists", refuse)
    assert not found.is_new
