"""What docker-compose.yml promises, read without an engine."""

import os
import re
import shutil
import socket
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
SERVICES = yaml.safe_load(COMPOSE)["services"]
PASSWORD = re.compile(r"\$\{(\w+_PASSWORD)(.*?)\}")
LOCKS = [ROOT / f"requirements-{image}.lock" for image in ("serving", "backend", "worker")]


def pins(lock: Path) -> dict[str, set[str]]:
    """The versions of each package; more than one where they differ by Python."""
    found: dict[str, set[str]] = {}
    pin = r"^([\w.-]+)(?:\[.*\])?==([^ ]+)"
    for name, version in re.findall(pin, lock.read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


@pytest.fixture(params=SERVICES)
def service(request) -> dict:
    return SERVICES[request.param]


OBSERVE = {"prometheus", "grafana"}


def test_the_stack_has_its_services_and_two_more_where_it_is_observed():
    observed = {name for name, service in SERVICES.items() if "profiles" in service}
    assert set(SERVICES) - observed == {
        "postgres",
        "mlflow",
        "prefect",
        "worker",
        "serving",
        "proxy",
    }
    assert observed == OBSERVE
    assert all(SERVICES[name]["profiles"] == ["observe"] for name in observed)


def test_nobody_can_gain_rights_or_write_outside_volumes(service):
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert "privileged" not in service
    assert not any("docker.sock" in volume for volume in service.get("volumes", []))


def test_everyone_is_a_plain_user(service):
    if service is SERVICES["postgres"]:  # what its entrypoint needs to become one
        assert set(service["cap_add"]) <= {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}
    else:
        assert service["user"] in ("ann", "65534:65534", "472:472")
        assert "cap_add" not in service


def test_what_is_published_is_published_on_this_machine_alone(service):
    for port in service.get("ports", []):
        assert port.startswith(("127.0.0.1:", "${ANN_BIND:-127.0.0.1}:"))


def test_the_proxy_and_the_pages_alone_are_published():
    published = {name for name, service in SERVICES.items() if "ports" in service}
    assert published == {"mlflow", "prefect", "proxy"} | OBSERVE


def neighbours(name: str) -> set[str]:
    """The services that share a network with this one, on which containers reach each other."""
    mine = set(SERVICES[name]["networks"])
    return {
        other
        for other, service in SERVICES.items()
        if other != name and mine & set(service["networks"])
    }


def test_each_service_reaches_only_what_it_needs():
    assert neighbours("serving") == {"postgres", "mlflow", "worker", "proxy", "prometheus"}
    assert neighbours("proxy") == {"serving"}
    assert neighbours("prefect") == {"postgres", "worker"}
    assert neighbours("mlflow") == {"postgres", "worker", "serving", "prometheus"}


def test_a_network_that_services_share_has_no_way_out():
    networks = yaml.safe_load(COMPOSE)["networks"]
    for name, network in networks.items():
        users = {other for other, service in SERVICES.items() if name in service["networks"]}
        assert network == {"internal": True} or len(users - OBSERVE) <= 1
    assert all(networks[name] == {"internal": True} for name in SERVICES["serving"]["networks"])


def test_prefects_api_asks_for_a_password_that_the_worker_has():
    server = SERVICES["prefect"]["environment"]["PREFECT_SERVER_API_AUTH_STRING"]
    assert SERVICES["worker"]["environment"]["PREFECT_API_AUTH_STRING"] == server
    assert "PREFECT_PASSWORD" in server


def test_everyone_is_looked_after(service):
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries", "start_period"} <= service["healthcheck"].keys()
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert service["pids_limit"]
    assert service["logging"]["options"]["max-size"]


def test_mlflow_is_asked_by_the_name_that_others_use():
    assert "http://mlflow:5000/api/" in SERVICES["mlflow"]["healthcheck"]["test"][-1]
    (allowed,) = [part for part in SERVICES["mlflow"]["command"] if "--allowed-hosts" in part]
    assert "mlflow:5000" in allowed.partition("=")[2].split(",")


def test_the_worker_names_pages_as_browsers_reach_them():
    environment = SERVICES["worker"]["environment"]
    for name, service in (("ANN_MLFLOW_UI", "mlflow"), ("PREFECT_UI_URL", "prefect")):
        (published,) = SERVICES[service]["ports"]
        assert environment[name] == f"http://{published.rpartition(':')[0]}"


def test_the_worker_waits_a_minute_for_either_server():
    environment = SERVICES["worker"]["environment"]
    for client in ("MLFLOW_HTTP_REQUEST", "PREFECT_CLIENT"):
        assert environment[f"{client}_MAX_RETRIES"] == "5"


def test_servers_start_after_their_database_and_the_worker_after_the_servers():
    order = {
        name: {other: how["condition"] for other, how in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
    }
    healthy = "service_healthy"
    assert order["mlflow"] == order["prefect"] == {"postgres": healthy}
    assert order["worker"] == {"mlflow": healthy, "prefect": healthy}


def test_the_endpoint_waits_for_nobody():
    assert "depends_on" not in SERVICES["serving"]


def test_mlflow_runs_no_jobs_and_nobody_reads_pickles():
    assert SERVICES["mlflow"]["environment"]["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    for name in ("mlflow", "worker", "serving"):
        environment = SERVICES[name]["environment"]
        assert environment["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
    assert "DO_NOT_TRACK=true" in (ROOT / "Dockerfile").read_text()


def test_a_password_that_is_not_set_stops_the_start():
    found = PASSWORD.findall(COMPOSE)
    assert {name for name, _ in found} == {
        "POSTGRES_PASSWORD",
        "MLFLOW_DB_PASSWORD",
        "PREFECT_DB_PASSWORD",
        "FEEDBACK_DB_PASSWORD",
        "PREFECT_PASSWORD",
    }
    assert all(otherwise.startswith(":?") for _, otherwise in found)


def test_no_file_holds_a_password():
    assert not re.search(r"://\w+:[^$@/]+@", COMPOSE)
    for line in (ROOT / ".env.example").read_text().splitlines():
        if line.partition("=")[0].endswith(("_PASSWORD", "_KEY")):
            assert line.endswith("="), line


def test_each_service_knows_its_own_password_alone():
    known = {
        name: {found for found, _ in PASSWORD.findall(str(service["environment"]))}
        for name, service in SERVICES.items()
    }
    assert known["mlflow"] == {"MLFLOW_DB_PASSWORD"}
    assert known["prefect"] == {"PREFECT_DB_PASSWORD", "PREFECT_PASSWORD"}
    assert known["worker"] == {"FEEDBACK_DB_PASSWORD", "PREFECT_PASSWORD"}
    assert known["serving"] == {"FEEDBACK_DB_PASSWORD"}
    assert known["proxy"] == set()


def test_no_password_is_in_a_command_or_an_address_where_the_process_list_shows_it(service):
    assert not PASSWORD.search(str(service.get("command")))
    for name, value in service["environment"].items():
        assert not PASSWORD.search(str(value)) or name.endswith(("PASSWORD", "AUTH_STRING"))
    assert "postgresql://" not in str(service["healthcheck"])
    script = (ROOT / "deploy/databases.sh").read_text()
    assert "$MLFLOW_DB_PASSWORD" not in script


def test_a_new_env_has_long_passwords_that_differ_and_is_its_owners_alone(tmp_path):
    path = tmp_path / ".env"
    command = ["make", "-f", str(ROOT / "Makefile"), ".env"]
    (tmp_path / "deploy").mkdir()
    for name in (".env.example", "deploy/new_env.sh"):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = {"PATH": os.environ["PATH"], "ANN_MNIST_PATH": "mnist.npz"}
    for _ in range(2):  # the second finds the first's
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    values = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    passwords = [value for name, value in values.items() if name.endswith("_PASSWORD")]
    assert len(set(passwords)) == 5
    assert all(re.fullmatch("[0-9a-f]{48}", password) for password in passwords)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert values["ANN_MNIST_PATH"] == str(tmp_path / "mnist.npz")
    assert values["ANN_PORT"] == "8000"


@pytest.mark.parametrize("name", ["a&b.npz", "a|b.npz", "a  b.npz", "a\\1.npz"])
def test_a_new_env_has_the_path_of_mnist_as_it_is(tmp_path, name):
    path = str(tmp_path / name)
    environment = {"PATH": os.environ["PATH"], "ANN_MNIST_PATH": path}
    direct = [ROOT / "deploy/new_env.sh"]
    (tmp_path / "deploy").mkdir()
    for part in (".env.example", "deploy/new_env.sh"):
        (tmp_path / part).symlink_to(ROOT / part)
    text = subprocess.check_output(direct, env=environment, text=True)
    assert f"ANN_MNIST_PATH={path}" in text.splitlines()
    made = ["make", "-f", str(ROOT / "Makefile"), ".env"]
    environment["ANN_MNIST_PATH"] = name  # of this folder
    subprocess.run(made, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert f"ANN_MNIST_PATH={path}" in (tmp_path / ".env").read_text().splitlines()


def test_an_env_of_an_earlier_version_is_completed_and_keeps_what_it_has(tmp_path):
    path = tmp_path / ".env"
    path.write_text("COMPOSE_PROJECT_NAME=mine\nMLFLOW_DB_PASSWORD=kept\nANN_PORT=8080\n")
    command = [ROOT / "deploy/new_env.sh", path]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = text.splitlines()
    values = dict(line.split("=", 1) for line in lines)
    assert lines[:3] == path.read_text().splitlines()
    assert re.fullmatch("[0-9a-f]{48}", values["PREFECT_PASSWORD"])
    assert len(lines) == len(values)
    path.write_text(text)
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == text


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_an_image_has_the_versions_that_the_tests_ran_with(lock):
    tested, shipped = pins(ROOT / "requirements.lock"), pins(lock)
    shared = tested.keys() & shipped.keys()
    assert len(shared) > 50
    assert {name: shipped[name] for name in shared} == {name: tested[name] for name in shared}
    content = lock.read_text()
    assert content.count("--hash=sha256:") >= len(shipped)
    assert "://" not in content, "a lock names packages and hashes, no address"
    assert not re.search(r"^\s*-(?!-hash=sha256:)", content, re.M), "a lock carries no option"


@pytest.mark.parametrize("quote", ["", '"', "'"], ids=["plain", "double", "single"])
def test_a_port_that_is_taken_is_said_before_anything_is_built(tmp_path, quote):
    (tmp_path / "deploy").mkdir()
    script = shutil.copy(ROOT / "deploy/stack.sh", tmp_path / "deploy")
    docker = tmp_path / "docker"  # answers `info`, and fails if anything is built
    docker.write_text('#!/bin/sh\n[ "$1" = info ] || { echo "docker $*" >&2; exit 9; }\n')
    docker.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        (tmp_path / ".env").write_text(f"ANN_PORT=1\nMLFLOW_PORT={quote}{port}{quote} # free\n")
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PREFECT_PORT": "2"}
        done = subprocess.run(
            [script],
            env=environment | {"COMPOSE": "docker compose"},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 2
    assert f"Port {port} is taken" in done.stderr
    assert "set MLFLOW_PORT in .env" in done.stderr
    assert "build" not in done.stderr


def test_the_services_image_has_no_training():
    names = pins(LOCKS[0]).keys()
    assert {"onnxruntime", "uvicorn", "mlflow-skinny", "psycopg-binary"} <= names
    assert not {"tensorflow", "tensorflow-cpu", "keras", "mlflow", "prefect"} & names
