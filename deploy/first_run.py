"""Try the stack from inside its worker: trigger a flow if there is no champion, read a digit.

$ docker compose exec -T worker python - <deploy/first_run.py

TRAIN=1 in the environment trains in any case.
"""

import io
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
from mlflow import MlflowClient
from PIL import Image
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment

from ann_models import datasets
from serving.settings import ALIAS, NAMES

SCHEDULE = "lecture/digits"
PARAMETERS = {"names": ["mnist_ann"], "seeds": 1}
SERVICE = "http://serving:8000"
PATIENCE = 900  # seconds
INK = " .:-=+*#%@"

started = time.monotonic()


def say(sentence: str) -> None:
    """Print what happened, and when."""
    print(f"{time.monotonic() - started:6.1f} s  {sentence}", flush=True)


def wait_for(what: str, look: Callable[[], Any]) -> Any:
    """Look until something is found; end if that takes too long."""
    while not (found := look()):
        if time.monotonic() - started > PATIENCE:
            sys.exit(f"waited {PATIENCE} s in vain for {what}.")
        time.sleep(0.5)
    return found


def ask(path: str, body: bytes | None = None) -> dict[str, Any]:
    """What the digit service says; {} if it does not answer."""
    headers = {"Content-Type": "image/png", "X-API-Key": os.environ.get("ANN_API_KEY", "").strip()}
    try:
        with urlopen(Request(f"{SERVICE}{path}", body, headers), timeout=10) as answer:
            return json.load(answer)
    except HTTPError as refusal:
        return json.load(refusal)
    except OSError:
        return {}


def champion() -> tuple[str, str] | None:
    """Name and version of the model that the service is to follow."""
    client = MlflowClient()
    for model in client.search_registered_models():
        if model.name in NAMES and ALIAS in model.aliases:
            return model.name, str(model.aliases[ALIAS])
    return None


def is_deployed() -> bool:
    """Whether the worker has registered its flows with Prefect."""
    with get_client(sync_client=True) as prefect:
        return any(one.name == SCHEDULE.partition("/")[2] for one in prefect.read_deployments())


def serves(model: tuple[str, str]) -> bool:
    """Whether the service answers with that model."""
    state = ask("/health/ready")
    return (state.get("model"), state.get("version")) == model


def misread(model: tuple[str, str]) -> str:
    """What share of digits the version misreads, by its own run; "" if that is unknown."""
    client = MlflowClient()
    run_id = client.get_model_version(*model).run_id
    accuracy = client.get_run(run_id).data.metrics.get("test_accuracy") if run_id else None
    if accuracy is None:
        return ""
    if accuracy == 1:
        return "it misread none of the test digits"
    return f"it misread one in {1 / (1 - accuracy):.0f} of the test digits, so it may misread yours"


wait_for(f"the deployment {SCHEDULE}", is_deployed)
say(f"Prefect knows the deployment {SCHEDULE}")
before = champion()
if before and not os.environ.get("TRAIN"):
    model = before
    say(f"{model[0]} version {model[1]} is champion; nothing is trained (TRAIN=1 trains again)")
else:
    run = run_deployment(SCHEDULE, parameters=PARAMETERS, timeout=PATIENCE, poll_interval=1)
    say(f"the flow run {run.name!r} on the worker: {run.state and run.state.name}")
    if run.state is None or not run.state.is_completed():
        sys.exit("it did not complete; `docker compose logs worker` and Prefect's UI say why.")
    model = champion() or sys.exit("the run left no champion.")
    new = "the new champion" if model != before else "still the champion"
    say(f"{model[0]} version {model[1]} is {new}")
wait_for("the service to follow", lambda: serves(model))
say("the digit service answers with it")

digits = datasets.digits("mnist" if model[0] == "mnist-digits" else "offline-digits")
position = int(np.random.default_rng().integers(len(digits.arrays["x_test"])))
image, label = digits.arrays["x_test"][position], digits.arrays["y_test"][position]
for line in image[3:25:2, 3:25]:
    print("         " + "".join(INK[int(ink * 9)] for ink in line))
file = io.BytesIO()
Image.fromarray(255 - np.uint8(image * 255)).save(file, "PNG")
answer = ask("/predict", file.getvalue())
if "digit" not in answer:
    sys.exit(f"the digit service refused the picture: {answer}")
say(
    f"test digit {position}, a {label}, is read as {answer['digit']} by version {answer['version']}"
)
if share := misread(model):
    say(share)
