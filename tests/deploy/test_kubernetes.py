"""What deploy/kubernetes promises, read without a cluster; docker-compose.yml says the same."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from serving.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OBJECTS: list[dict[str, Any]] = [
    document
    for name in KUSTOMIZATION["resources"]
    for document in yaml.safe_load_all((FOLDER / name).read_text())
]
VERSIONS = ("1.27", kubernetes_validate.latest_version())
COMPONENT = "app.kubernetes.io/component"


def the(kind: str, name: str) -> dict[str, Any]:
    (found,) = [o for o in OBJECTS if (o["kind"], o["metadata"]["name"]) == (kind, name)]
    return found


WORKLOADS = {"serving": the("Deployment", "serving"), "worker": the("StatefulSet", "worker")}
SETTINGS = the("ConfigMap", "ann")["data"]


@pytest.fixture(params=WORKLOADS)
def name(request) -> str:
    return request.param


@pytest.fixture
def pod(name) -> dict[str, Any]:
    return WORKLOADS[name]["spec"]["template"]["spec"]


@pytest.fixture
def container(pod) -> dict[str, Any]:
    (only,) = pod["containers"]
    return only


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("found", OBJECTS, ids=lambda o: f"{o['kind']} {o['metadata']['name']}")
def test_every_object_fits_kubernetes_schema(found, version):
    kubernetes_validate.validate(found, version, strict=True)


def test_the_schema_refuses_what_is_misspelt():
    wrong = the("Service", "serving") | {"spce": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_every_file_is_built():
    files = {path.name for path in FOLDER.glob("*.yaml")}
    assert files == {"kustomization.yaml", *KUSTOMIZATION["resources"]}


def test_kustomize_builds_it():
    if not shutil.which("kubectl"):
        pytest.skip("needs kubectl")
    built = subprocess.run(["kubectl", "kustomize", FOLDER], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    objects = list(yaml.safe_load_all(built.stdout))
    assert len(objects) == len(OBJECTS)
    assert {o["metadata"]["namespace"] for o in objects} == {"ann"}


# --- as in docker-compose.yml ---------------------------------------------------------------------


def test_images_are_those_that_compose_builds_with_a_version(name, container):
    assert container["image"] == COMPOSE[name]["image"]
    tags = {image["name"]: image["newTag"] for image in KUSTOMIZATION["images"]}
    assert re.fullmatch(r"\d+\.\d+\.\d+", tags[container["image"]])
    assert "command" not in container  # the image's own
    assert "args" not in container


def test_settings_are_those_of_compose(name, container):
    plain = {v["name"]: v["value"] for v in container.get("env", [])} | SETTINGS
    compose = COMPOSE[name]["environment"]
    ours = {"ANN_MLFLOW_UI", "PREFECT_UI_URL"} | (
        {"PREFECT_API_URL"} if name == "serving" else set()
    )
    assert {k: v for k, v in plain.items() if k not in ours} == {
        k: compose[k] for k in plain if k not in ours
    }


def test_memory_and_patience_are_those_of_compose(name, pod, container):
    size = COMPOSE[name]["mem_limit"]
    assert container["resources"]["limits"]["memory"] == size.upper() + "i"
    grace = int(COMPOSE[name]["stop_grace_period"].removesuffix("s"))
    assert grace <= pod["terminationGracePeriodSeconds"] <= grace + 5


def test_the_services_port_is_the_images():
    (port,) = the("Service", "serving")["spec"]["ports"]
    (only,) = WORKLOADS["serving"]["spec"]["template"]["spec"]["containers"]
    assert only["ports"] == [{"name": port["targetPort"], "containerPort": port["port"]}]
    assert f":{port['port']}/" in COMPOSE["serving"]["healthcheck"]["test"][-1]


def test_state_is_where_the_image_has_it(container):
    assert "ENV ANN_HOME=/var/lib/ann" in DOCKERFILE
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts == {"state": "/var/lib/ann", "tmp": "/tmp"}


# --- safe and steady ------------------------------------------------------------------------------


def test_everyone_is_the_images_plain_user_and_cannot_gain_rights(pod, container):
    (uid,) = re.findall(r"useradd --uid (\d+)", DOCKERFILE)
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] == context["fsGroup"] == int(uid)
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert pod["automountServiceAccountToken"] is False


def test_no_service_puts_variables_among_the_settings(pod):
    assert pod["enableServiceLinks"] is False


def test_secrets_are_named_and_not_kept(container):
    assert {"secretRef": {"name": "ann"}} in container["envFrom"]
    assert "Secret" not in {o["kind"] for o in OBJECTS}
    text = "".join(path.read_text() for path in FOLDER.glob("*.yaml"))
    assert not re.search(r"://\w+:[^@\s]+@", text)
    secret = {"ANN_FEEDBACK_URL", "ANN_API_KEY", "ANN_WEBHOOK_SECRET"}
    assert not secret & {*SETTINGS, *(v["name"] for v in container.get("env", []))}
    assert {name.removeprefix("ANN_").lower() for name in secret} <= Settings.__annotations__.keys()


def test_the_service_is_asked_whether_it_lives_and_whether_it_is_ready():
    (only,) = WORKLOADS["serving"]["spec"]["template"]["spec"]["containers"]
    paths = {
        probe: only[probe]["httpGet"]["path"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert paths == {
        "startupProbe": "/health/live",
        "livenessProbe": "/health/live",
        "readinessProbe": "/health/ready",
    }
    routes = (ROOT / "serving/routes.py").read_text()
    assert all(f'"{path}"' in routes for path in paths.values())


def test_a_runs_end_is_never_prefects_fault():
    (only,) = WORKLOADS["worker"]["spec"]["template"]["spec"]["containers"]
    assert "livenessProbe" not in only
    assert "pipelines.local.probes import worker" in only["readinessProbe"]["exec"]["command"][-1]


def test_a_worker_keeps_its_name_and_its_volume():
    worker = WORKLOADS["worker"]["spec"]
    assert the("Service", worker["serviceName"])["spec"]["clusterIP"] == "None"
    assert [claim["metadata"]["name"] for claim in worker["volumeClaimTemplates"]] == ["state"]


def test_the_service_grows_and_never_goes_away_as_a_whole():
    scaler = the("HorizontalPodAutoscaler", "serving")["spec"]
    assert scaler["scaleTargetRef"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "serving",
    }
    assert 2 <= scaler["minReplicas"] < scaler["maxReplicas"]
    serving = WORKLOADS["serving"]["spec"]
    assert "replicas" not in serving  # or each `apply` would undo the scaling
    assert serving["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert the("PodDisruptionBudget", "serving")["spec"]["maxUnavailable"] < scaler["minReplicas"]
    (only,) = serving["template"]["spec"]["containers"]
    assert only["resources"]["requests"]["cpu"]  # the share that the scaling is about


@pytest.mark.parametrize("found", OBJECTS, ids=lambda o: f"{o['kind']} {o['metadata']['name']}")
def test_every_selector_selects_the_pods(found):
    spec = found.get("spec", {})
    selector = spec.get("selector")
    if selector is None:
        return
    wanted = selector.get("matchLabels", selector)
    (component,) = wanted.values()
    assert wanted == WORKLOADS[component]["spec"]["template"]["metadata"]["labels"]
    assert list(wanted) == [COMPONENT]
