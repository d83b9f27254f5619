"""Where state lives and which servers are used: defaults, environment, validated once."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from ann_models.errors import InvalidSetting
from ann_models.switches import is_on
from mlflow_reader.environment import CERTIFICATES, LARGEST
from pipelines.errors import WrongUse
from pipelines.home import state_folder
from serving.credentials import bare_address

MLFLOW_UI = "http://127.0.0.1:5000"  # where `ann ui` and `ann up` serve the embedded store
SERVER_SCHEMES = ("http", "https")
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
LOCAL_NAMES = ("127.0.0.1", "localhost", "::1")
PROCESSORS = Path("/proc/cpuinfo")
NUMBERS = (  # which MLflow reads as whole numbers
    "MLFLOW_HTTP_REQUEST_TIMEOUT",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR",
)
DATABASE_SCHEMES = ("sqlite", "postgresql", "mysql", "mssql")


@dataclass(frozen=True)
class Settings:
    """One machine's settings.

    Attributes:
        home: the folder of all local state; deleting it is a clean start.
        tracking_uri: MLflow's store: the embedded SQLite file, or what MLFLOW_TRACKING_URI says.
        prefect_api_url: the Prefect server; None: a temporary one for each run.
        shadow: whether every challenger, not only a retraining's, answers recent requests before
            the gate decides: ANN_SHADOW.
    """

    home: Path
    tracking_uri: str
    prefect_api_url: str | None
    shadow: bool = False

    @property
    def embedded(self) -> bool:
        """Whether runs are tracked in the state folder, without a server."""
        return self.tracking_uri == embedded_uri(self.home)

    @property
    def is_new(self) -> bool:
        """Whether the embedded store is not made yet."""
        try:
            return self.embedded and not (self.home / "mlflow.db").exists()
        except PermissionError:
            return False  # `load` says so

    @property
    def artifacts(self) -> Path:
        """Where the embedded store keeps artifacts."""
        return self.home / "artifacts"

    @property
    def data(self) -> Path:
        """Generated data sets, by name and digest."""
        return self.home / "data"

    @property
    def work(self) -> Path:
        """What a step passes to the next, a folder a run."""
        return self.home / "work"

    @property
    def compiled(self) -> Path:
        """XLA's programs for this processor and TensorFlow version: others could crash."""
        return self.home / "compiled" / _compiler()

    @property
    def log(self) -> Path:
        """Tracebacks of errors whose message alone was shown."""
        return self.home / "ann.log"


def embedded_uri(home: Path) -> str:
    """The tracking URI of the SQLite store in a state folder."""
    return f"sqlite:///{home / 'mlflow.db'}"


def ui_address(settings: Settings, environ: Mapping[str, str] = os.environ) -> str:
    """Where a person opens MLflow's pages."""
    served = settings.tracking_uri.startswith(SERVER_SCHEMES)
    address = environ.get("ANN_MLFLOW_UI") or (settings.tracking_uri if served else MLFLOW_UI)
    return bare_address(address).rstrip("/")


def metrics_port(environ: Mapping[str, str] = os.environ) -> int | None:
    """The port at which the worker serves metrics: ANN_METRICS_PORT; None: it serves none.

    Raises:
        WrongUse: it is not a port.
    """
    text = environ.get("ANN_METRICS_PORT")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
        raise WrongUse(
            f"ANN_METRICS_PORT is {text!r}; set it to a port from 1 to 65535, such as 9464, or "
            "unset it."
        )
    return int(text)


def read(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check the environment; nothing is written.

    Raises:
        WrongUse: a variable's value is impossible.
    """
    home = state_folder(environ)
    named = environ.get("ANN_HOME", "")
    if named.startswith("~") and os.path.expanduser(named) == named:
        raise WrongUse(f"ANN_HOME is {named!r}, and there is no such user; name a folder.")
    if "?" in str(home):  # SQLAlchemy's addresses have no way to quote it
        raise WrongUse(
            f"the state folder {home} has a question mark in its path, which SQLite's address "
            "cannot hold. Set ANN_HOME to another folder."
        )
    try:
        if home.exists() and not home.is_dir():
            raise WrongUse(f"the state folder {home} is a file; set ANN_HOME to a folder.")
    except OSError as error:  # its name is too long, or a folder above it is not ours
        raise WrongUse(
            f"the state folder {home} cannot be used ({error.strerror}); set ANN_HOME to another."
        ) from error
    tracking_uri = environ.get("MLFLOW_TRACKING_URI") or embedded_uri(home)
    _check_tracking_uri(tracking_uri)
    prefect_api_url = environ.get("PREFECT_API_URL") or None
    if prefect_api_url:
        _check_url("PREFECT_API_URL", prefect_api_url, "http://127.0.0.1:4200/api")
    if ui := environ.get("ANN_MLFLOW_UI"):
        _check_url("ANN_MLFLOW_UI", ui, MLFLOW_UI)
    metrics_port(environ)
    _check_numbers(environ)
    _check_certificates(environ)
    try:
        is_on("ANN_OFFLINE", environ)
        shadow = is_on("ANN_SHADOW", environ)
    except InvalidSetting as error:
        raise WrongUse(str(error)) from error
    return Settings(home, tracking_uri, prefect_api_url, shadow)


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check the environment; make the state folder.

    Raises:
        WrongUse: a variable's value is impossible, or the state folder cannot be written.
    """
    settings = read(environ)
    home = settings.home
    try:
        home.mkdir(parents=True, exist_ok=True)
        probe = home / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise WrongUse(
            f"the state folder {home} cannot be written ({error.strerror}). Set ANN_HOME to a "
            "folder that can, or change its permissions."
        ) from error
    return settings


def export(settings: Settings, environ: MutableMapping[str, str] = os.environ) -> None:
    """Configure MLflow, Prefect and TensorFlow before they are imported; what is set wins."""
    bypass_proxy(environ)
    environ["MLFLOW_TRACKING_URI"] = settings.tracking_uri
    defaults = {
        "PREFECT_HOME": str(settings.home / "prefect"),
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # ours is the terminal's progress
        "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_API_REQUEST_TIMEOUT": "120",  # the temporary server may be slow to start
        "PREFECT_CLIENT_MAX_RETRIES": "3",  # one that becomes unavailable is given up after 14 s
        "DO_NOT_TRACK": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",  # a server that restarts is waited for 12 s,
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",  # where MLflow itself would wait for minutes
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "ORT_DISABLE_TELEMETRY": "1",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # its errors are raised, too
        "MLFLOW_UV_AUTO_DETECT": "false",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "TF_CPP_MIN_LOG_LEVEL": "3",  # its errors are raised, too
        # Cached programs give the same weights: `compiled` names processor and version.
        "TF_XLA_FLAGS": f"--tf_xla_persistent_cache_directory={settings.compiled}",
        "XLA_FLAGS": "--xla_backend_optimization_level=1",  # compiles sooner, runs as fast
    }
    for name, value in defaults.items():
        if not environ.get(name):  # an empty variable counts as not set
            environ[name] = value


def bypass_proxy(environ: MutableMapping[str, str] = os.environ) -> None:
    """Send no request to this machine through a proxy: `no_proxy` gets its names, if one is set."""
    if not any(environ.get(name) or environ.get(name.upper()) for name in PROXIES):
        return
    listed = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    names = [name.strip() for name in listed.split(",") if name.strip()]
    missing = [name for name in LOCAL_NAMES if name not in names and "*" not in names]
    environ["no_proxy"] = environ["NO_PROXY"] = ",".join([*names, *missing])


def _compiler() -> str:
    from importlib.metadata import Distribution

    try:
        lines = PROCESSORS.read_text().splitlines()
        processor = next(line for line in lines if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        processor = f"{platform.platform()} {platform.processor()}"
    packages = ("tensorflow", "tensorflow-cpu")
    found = [d.version for name in packages for d in Distribution.discover(name=name)]
    return hashlib.sha256(f"{processor} {found}".encode()).hexdigest()[:16]


def _check_tracking_uri(uri: str) -> None:
    scheme = uri.partition(":")[0].partition("+")[0]
    if scheme in SERVER_SCHEMES:
        _check_url("MLFLOW_TRACKING_URI", uri, "http://127.0.0.1:5000")
    elif scheme not in DATABASE_SCHEMES or "://" not in uri:
        raise WrongUse(
            f"MLFLOW_TRACKING_URI is {bare_address(uri)!r}; expected http://HOST:PORT of an MLflow "
            "server or a database such as sqlite:///FILE. Unset it to use the embedded store."
        )


def _check_numbers(environ: Mapping[str, str]) -> None:
    for name in NUMBERS:
        text = environ.get(name) or "0"
        if not (text.isascii() and text.isdecimal() and int(text) < LARGEST):
            raise WrongUse(f"{name} is {text!r}; set it to a whole number, or unset it.")


def _check_certificates(environ: Mapping[str, str]) -> None:
    """What clients of HTTPS servers would fail with, each in its own way."""
    for name in ("SSL_CERT_FILE", *CERTIFICATES):
        if not (place := environ.get(name)):
            continue
        try:
            if not Path(place).is_dir():
                _read_certificates(place, Path(place).stat().st_mtime_ns)
            elif name == "SSL_CERT_FILE":
                raise IsADirectoryError(errno.EISDIR, "Is a directory")
        except OSError as error:  # ssl.SSLError, too
            raise WrongUse(
                f"{name} is {place!r}, which is no file of certificates ({error.strerror}); set "
                "it to one, or unset it."
            ) from error
    folders = environ.get("SSL_CERT_DIR") or "/"
    if not any(Path(folder).is_dir() for folder in folders.split(os.pathsep)):
        raise WrongUse(f"SSL_CERT_DIR is {folders!r}, which is no folder; correct or unset it.")


@cache
def _read_certificates(place: str, modified: int) -> None:
    """Read a file of certificates once: a system's takes 20 ms, and several variables name it."""
    import ssl

    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(place)


def _check_url(variable: str, url: str, example: str) -> None:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in SERVER_SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise WrongUse(
            f"{variable} is {bare_address(url)!r}; expected an address such as {example}."
        )
