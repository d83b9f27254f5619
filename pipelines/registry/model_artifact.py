"""The folder that a registered version carries.

MLmodel, requirements.txt, …    MLflow's description: the flavours keras and onnx, and a
                                python_function whose loader is `pipelines.registry.pyfunc`
data/model.keras                read in safe mode; nothing is pickled
model.onnx                      what serves, here and as MLflow's python_function
validation.npz                  probabilities (n, 10) and labels (n,), for the gate
probe.npz                       image (28, 28) and probabilities (10,): one digit by which
                                the service verifies the model's answer
people.npz                      correct and marked (n,) on generated digits of held-out writers,
                                marked_non_digits (m,) on pictures of no digit, for the gate
hidden_layer.npz                kernel (784, units), bias (units,), outgoing (units, 10) and
                                outgoing_bias (10,) of a network with one hidden layer, by which
                                serving explains its answers
"""

from __future__ import annotations

import importlib.metadata
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ann_models import archives
from pipelines.candidate import Candidate
from pipelines.registry import pyfunc

if TYPE_CHECKING:
    import keras
    from mlflow.entities import LoggedModel
    from mlflow.models import ModelSignature

PACKAGES = ("ann-pipelines", "mlflow", "numpy", "onnx", "onnxruntime")
LOADER = "pipelines.registry.pyfunc"
EXAMPLES = 2  # digits of the input example


@dataclass(frozen=True, eq=False)
class ModelArtifact:
    """A digit classifier, ready to be registered.

    Attributes:
        model: the calibrated network, (n, 28, 28) → (n, 10).
        onnx_bytes: the same network in ONNX form.
        temperature: by which its logits were divided.
        candidate: what the gate needs to know of it.
        images: some validation digits, (n, 28, 28); the first is the probe, all are the example.
        data_digest: SHA-256 of the digits it was trained on.
    """

    model: keras.Model
    onnx_bytes: bytes
    temperature: float
    candidate: Candidate
    images: np.ndarray
    data_digest: str


def write(folder: Path, artifact: ModelArtifact, logged: LoggedModel) -> None:
    """Write the folder of a logged model.

    Args:
        folder: does not exist yet.
        artifact: what it holds.
        logged: MLflow's entry for the model.
    """
    import mlflow.keras
    import mlflow.onnx
    import onnx
    from mlflow.models import Model

    candidate = artifact.candidate
    card = Model(
        artifact_path=logged.artifact_location,
        run_id=logged.source_run_id,
        model_id=logged.model_id,
        model_uuid=logged.model_id,
    )
    shared = {
        "path": str(folder),
        "mlflow_model": card,
        "signature": _signature(candidate.probabilities),
        # Given, not inferred: to infer them MLflow loads the model in a new process, for seconds.
        "pip_requirements": [f"{name}=={importlib.metadata.version(name)}" for name in PACKAGES],
    }
    mlflow.onnx.save_model(
        onnx.load_from_string(artifact.onnx_bytes),
        save_as_external_data=False,
        onnx_execution_providers=["CPUExecutionProvider"],
        onnx_session_options={"intra_op_num_threads": 1, "inter_op_num_threads": 1},
        input_example=artifact.images,
        **shared,
    )
    python_function = card.flavors["python_function"] | {"loader_module": LOADER}
    mlflow.keras.save_model(artifact.model, **shared)
    card.flavors["python_function"] = python_function
    card.save(str(folder / "MLmodel"))

    archives.write(
        folder / "validation.npz",
        {"probabilities": candidate.probabilities, "labels": candidate.labels},
    )
    archives.write(
        folder / "probe.npz",
        {"image": artifact.images[0], "probabilities": candidate.probabilities[0]},
    )
    if candidate.people:
        people = asdict(candidate.people)
        del people["digest"]  # a tag
        archives.write(folder / "people.npz", people)
    if weights := hidden_layer(artifact.model):
        archives.write(folder / "hidden_layer.npz", weights)


def hidden_layer(model: keras.Model) -> dict[str, np.ndarray]:
    """The weights of Flatten → Dense(relu) → Dense(softmax); none of any other network."""
    import keras

    relu, softmax = keras.activations.relu, keras.activations.softmax
    passive = (keras.layers.Flatten, keras.layers.Dropout)
    names = ("kernel", "bias", "outgoing", "outgoing_bias")
    match [layer for layer in model.layers if not isinstance(layer, passive)]:
        case [
            keras.layers.Dense(activation=first, use_bias=True) as hidden,
            keras.layers.Dense(activation=last, use_bias=True) as output,
        ] if (first, last) == (relu, softmax):
            weights = (*hidden.get_weights(), *output.get_weights())
            return dict(zip(names, weights, strict=True))
    return {}


def _signature(probabilities: np.ndarray) -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    float32 = np.dtype(np.float32)
    answers = (-1, *probabilities.shape[1:])
    signature = ModelSignature(
        Schema([TensorSpec(float32, (-1, 28, 28), pyfunc.INPUT)]),
        Schema([TensorSpec(float32, answers, pyfunc.PROBABILITIES)]),
    )
    # MLflow enforces no types before such a model is called: the loader converts and checks.
    signature._is_signature_from_type_hint = True
    return signature
