"""What the environment says of the service; read once in each of its processes."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from serving.credentials import bare_address
from serving.errors import WrongSetting

NAMES = ("mnist-digits", "offline-digits")  # the first that has a champion answers
DATA_SET = "data_set"  # tag of a registered model of other pictures, which answers by its name
ALIAS = "champion"
NOT_ASKED = "the registry was not asked yet."  # how `registry_error` begins
FEEDBACK_DATABASES = ("sqlite:", "postgresql:", "postgresql+")  # MySQL's floats lose seconds
DATABASES = (*FEEDBACK_DATABASES, "mysql:", "mysql+", "mssql:", "mssql+")
REGISTRIES = ("http://", "https://", *DATABASES)
OWN_PORTS = {"http": ":80", "https": ":443"}
EMBEDDED_UI = "http://127.0.0.1:5000"


@dataclass(frozen=True)
class Settings:
    """One service's settings.

    Attributes:
        home: the state folder, ANN_HOME.
        tracking_uri: MLflow's registry: MLFLOW_TRACKING_URI, or the store in the state folder.
        mlflow_ui: where people read of runs, ANN_MLFLOW_UI; no slash at the end, no credentials.
        poll_seconds: mean time between two polls of the alias, ANN_POLL_SECONDS.
        feedback_url: SQLAlchemy's URL of predictions and corrections, ANN_FEEDBACK_URL.
        api_key: what senders must name, ANN_API_KEY; "" lets everyone in.
        webhook_secret: signs MLflow's webhook, ANN_WEBHOOK_SECRET; "" takes none.
        cors_origins: other sites whose pages may ask, ANN_CORS_ORIGINS; "*" is every site.
        trusted_proxies: whose X-Forwarded-For names the sender, ANN_TRUSTED_PROXIES: addresses
            and networks, with commas between them; "*" trusts all, "" none.
    """

    home: Path
    tracking_uri: str
    mlflow_ui: str
    poll_seconds: float
    feedback_url: str
    api_key: str
    webhook_secret: str
    cors_origins: frozenset[str] = frozenset()
    trusted_proxies: str = ""


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check the environment.

    Raises:
        WrongSetting: a variable's value is impossible.
    """
    named = os.path.expanduser(environ.get("ANN_HOME") or ".ann")
    home = Path(named).absolute()
    if named.startswith("~") or "?" in named or not _can_be_folder(home):
        raise WrongSetting(
            f"ANN_HOME is {named!r}; expected a folder, without a question mark in its path."
        )
    uri = environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home / 'mlflow.db'}"
    if not uri.startswith(REGISTRIES):
        raise WrongSetting(
            f"MLFLOW_TRACKING_URI is {bare_address(uri)!r}; expected http://HOST:PORT of an MLflow "
            "server or a database such as sqlite:///FILE. Unset it to use the embedded store."
        )
    feedback_url = environ.get("ANN_FEEDBACK_URL") or f"sqlite:///{home / 'feedback.db'}"
    if not feedback_url.startswith(FEEDBACK_DATABASES):
        raise WrongSetting(
            f"ANN_FEEDBACK_URL begins with {feedback_url.partition(':')[0]!r}; expected "
            "SQLite, such as sqlite:///FILE, or PostgreSQL, such as postgresql+psycopg://HOST/NAME."
        )
    return Settings(
        home=home,
        tracking_uri=uri,
        mlflow_ui=_mlflow_ui(environ, uri),
        poll_seconds=_positive(environ, "ANN_POLL_SECONDS", 2.0),
        feedback_url=feedback_url,
        api_key=_secret(environ, "ANN_API_KEY"),
        webhook_secret=_secret(environ, "ANN_WEBHOOK_SECRET"),
        cors_origins=_origins(environ, "ANN_CORS_ORIGINS"),
        trusted_proxies=_networks(environ, "ANN_TRUSTED_PROXIES"),
    )


def check_driver(url: str, variable: str = "ANN_FEEDBACK_URL") -> None:
    """Refuse a database whose Python package is missing: nothing could be stored or read.

    Raises:
        WrongSetting: it is.
    """
    if url.startswith(("sqlite:", "http:", "https:")):
        return
    import sqlalchemy

    try:
        sqlalchemy.make_url(url).get_dialect().import_dbapi()
    except (ImportError, sqlalchemy.exc.ArgumentError) as error:
        raise WrongSetting(
            f"{variable} begins with {url.partition(':')[0]!r}, for which a Python package is "
            f"missing ({error}); for PostgreSQL: `pip install 'ann-pipelines[postgres]'`, and an "
            "address that begins with postgresql+psycopg://."
        ) from None


def normal_origin(origin: str) -> str:
    """An origin as browsers write it: in lower case, without the port that its scheme implies."""
    scheme, mark, host = origin.lower().partition("://")
    return scheme + mark + host.removesuffix(OWN_PORTS.get(scheme, ""))


def _mlflow_ui(environ: Mapping[str, str], tracking_uri: str) -> str:
    name, given = "ANN_MLFLOW_UI", environ.get("ANN_MLFLOW_UI")
    if not given:
        if not tracking_uri.startswith("http"):
            return EMBEDDED_UI
        name, given = "MLFLOW_TRACKING_URI", tracking_uri
    ui = bare_address(given).rstrip("/")
    if not re.fullmatch(r"https?://[^\s/#][^\s#]*", ui):
        raise WrongSetting(f"{name} is {ui!r}; expected an address such as {EMBEDDED_UI}.")
    return ui


def _can_be_folder(home: Path) -> bool:
    try:
        return home.is_dir() or not home.exists()
    except OSError:  # such as a name that is too long
        return False


def _secret(environ: Mapping[str, str], name: str) -> str:
    given = environ.get(name, "")
    secret = given.strip()  # as of a file that ends with a newline
    if given and not (secret and secret.isascii() and secret.isprintable()):
        fault = "characters other than printable ASCII" if secret else "white space alone"
        raise WrongSetting(f"{name} has {fault}; set it to letters, digits and signs of ASCII.")
    return secret


def _networks(environ: Mapping[str, str], name: str) -> str:
    parts = [part.strip() for part in environ.get(name, "").split(",") if part.strip()]
    if "*" in parts:
        return "*"
    try:
        return ",".join(str(ipaddress.ip_network(part, strict=False)) for part in parts)
    except ValueError as error:
        raise WrongSetting(
            f"{name} has a wrong part: {error}; expected addresses and networks such as "
            "127.0.0.1,10.0.0.0/8, or *."
        ) from None


def _positive(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name) or str(default)
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < 1e6:
        raise WrongSetting(f"{name} is {text!r}; expected a number of seconds, such as {default}.")
    return number


def _origins(environ: Mapping[str, str], name: str) -> frozenset[str]:
    parts = environ.get(name, "").split(",")
    found = [normal_origin(origin.strip().rstrip("/")) for origin in parts]
    for origin in filter(None, found):
        if origin != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/\s]+", origin):
            raise WrongSetting(
                f"{name} has {origin!r}; expected origins such as https://digits.example, with "
                "commas between them, or *."
            )
    return frozenset(filter(None, found))
