"""A model that was loaded from its copy on disk and verified.

A model is served only if its ONNX file has the SHA-256 that its version's tag names and if it
answers the probe digit as it did when it was registered.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime

from serving.errors import UnverifiedModel
from serving.model import copies
from serving.model.hidden_layer import HIDDEN_LAYER_FILE, HiddenLayer
from serving.model.uncertainty import SURE

PROBE_TOLERANCE = 1e-4  # between processors; the same processor answers within 1e-6


class Answers(NamedTuple):
    """What a model makes of n images.

    Attributes:
        probabilities: of the ten digits, given that it is one, (n, 10); or (n, classes).
        digit_scores: the probability that it is one digit, (n,); 1 if the model has no such output.
    """

    probabilities: np.ndarray
    digit_scores: np.ndarray


@dataclass(frozen=True)
class LoadedModel:
    """A verified model, ready to answer from any thread.

    Attributes:
        name: the registered model, such as "mnist-digits".
        version: its version number.
        alias: the alias under which it was fetched.
        data: the source of its training digits, such as "mnist".
        run_id: the MLflow run that trained it.
        experiment_id: the experiment of that run; "" if the run is deleted.
        session: ONNX Runtime on one thread.
        least_confidence: below which its answers are uncertain, as its metadata say.
        labels: the names of its classes, as its metadata say; none of a digit model.
        hidden_layer: its weights, if it is a network with one hidden layer.
        registry_error: why the registry could not confirm that this is still the alias's version;
            None if it did.
    """

    name: str
    version: str
    alias: str
    data: str
    run_id: str
    experiment_id: str
    session: onnxruntime.InferenceSession
    least_confidence: float = SURE
    labels: tuple[str, ...] = ()
    hidden_layer: HiddenLayer | None = None
    registry_error: str | None = None

    @property
    def classes(self) -> int:
        """How many classes it tells apart."""
        return len(self.labels) or 10

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Probabilities (n, classes) for float32 images (n, 28, 28) in [0, 1], ink 1 on paper 0."""
        return self.session.run(["probabilities"], {"images": images})[0]

    def answer(self, images: np.ndarray) -> Answers:
        """The probabilities for such images, and the scores that each is one digit."""
        outputs = self.session.run(self.outputs, {"images": images})
        return Answers(outputs[0], outputs[1] if len(outputs) > 1 else np.ones(len(images)))

    @cached_property
    def outputs(self) -> list[str]:
        """The names of its outputs; the first is that of the probabilities."""
        return [output.name for output in self.session.get_outputs()]


def load(home: Path, name: str, version: str, alias: str) -> LoadedModel:
    """Load and verify the copy of a version, without the registry.

    Raises:
        UnverifiedModel: the copy is not what was registered, or is gone.
    """
    return _load(copies.folder_of(home, name, version), alias)


def load_last_known_good(
    home: Path, name: str, alias: str, reason: str | None = None
) -> LoadedModel | None:
    """The version that last served under the alias; None if none did.

    Args:
        home: the state folder.
        name: the registered model.
        alias: such as "champion".
        reason: why the registry is not asked, for `LoadedModel.registry_error`.

    Raises:
        UnverifiedModel: the copy is not what was registered.
    """
    version = copies.last_known_good(home, name, alias)
    if version is None:
        return None
    return _load(copies.folder_of(home, name, version), alias, reason)


def _load(copy: Path, alias: str, registry_error: str | None = None) -> LoadedModel:
    """Verify a copy and make it ready: its hash, then its answer to the probe digit."""
    try:
        manifest = json.loads((copy / copies.MANIFEST_FILE).read_bytes())
        onnx_bytes = (copy / copies.MODEL_FILE).read_bytes()
        if hashlib.sha256(onnx_bytes).hexdigest() != manifest["onnx_sha256"]:
            raise ValueError("model.onnx does not have the SHA-256 that its tag names")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            onnx_bytes, options, providers=["CPUExecutionProvider"]
        )
        metadata = session.get_modelmeta().custom_metadata_map
        model = LoadedModel(
            name=manifest["name"],
            version=manifest["version"],
            alias=alias,
            data=manifest["data"],
            run_id=manifest["run_id"],
            experiment_id=manifest["experiment_id"],
            session=session,
            least_confidence=float(metadata.get("least_confidence", SURE)),
            labels=tuple(json.loads(metadata.get("classes", "[]"))),
            hidden_layer=_hidden_layer(copy / HIDDEN_LAYER_FILE),
            registry_error=registry_error,
        )
        with np.load(copy / copies.PROBE_FILE, allow_pickle=False) as probe:
            image, expected = probe["image"][np.newaxis], probe["probabilities"]
        answers = [model.predict(image)]
        if model.hidden_layer:
            answers.append(model.hidden_layer.probabilities(image))
        difference = np.abs(np.concatenate(answers) - expected).max()
        if not difference <= PROBE_TOLERANCE:  # so that NaN fails too
            raise ValueError(f"its answer to the probe digit is off by {difference:.2g}")
    except Exception as error:  # a wrong file can raise anything, and the verdict is the same
        raise UnverifiedModel(
            f"the model in {copy} is not what was registered: {error}. Roll back to another "
            "version with `ann models rollback`, or restore the artifact store."
        ) from error
    return model


def _hidden_layer(path: Path) -> HiddenLayer | None:
    return HiddenLayer.read(path) if path.exists() else None
