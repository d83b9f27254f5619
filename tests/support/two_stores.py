"""A store to export from and one to import into, and files with changes that hashes agree with."""

import json

import keras
import numpy as np

from ann_models import datasets
from pipelines import settings
from pipelines.registry.client import Registry
from pipelines.settings import Settings
from pipelines.tracking.client import Tracking
from pipelines.transfer import bundle, exporting, importing

NAME = "offline-digits"
DIGITS = datasets.digits(NAME)


class Store:
    """A state folder with its tracking and its registry."""

    def __init__(self, home) -> None:
        self.settings: Settings = settings.load({"ANN_HOME": str(home)})
        self.tracking = Tracking(self.settings).open()
        self.registry = Registry(self.settings.tracking_uri, home)

    @property
    def client(self):
        return self.tracking.client

    def export(self, subject, file):
        return exporting.export(self.tracking, self.registry, subject, file)

    def bring_in(self, file):
        with bundle.unpacked(file) as unpacked:
            return importing.import_file(self.tracking, self.registry, unpacked)

    def history(self, run_id, name) -> list[tuple[int, float]]:
        return [(m.step, m.value) for m in self.client.get_metric_history(run_id, name)]

    def files(self, run_id) -> set[str]:
        folder = self.settings.artifacts / run_id / "artifacts"
        return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def nearest_mean() -> keras.Sequential:
    """A linear network that names the class with the nearest mean."""
    x, y = DIGITS.arrays["x_train"], DIGITS.arrays["y_train"]
    means = np.stack([x[y == digit].mean(axis=0).ravel() for digit in range(10)])
    layers = [keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((28, 28)), *layers])
    model.set_weights([means.T, -0.5 * (means**2).sum(axis=1)])
    return model


def forged(file, path, change) -> None:
    """The file with changes that its hashes agree with."""
    folder = path.with_suffix("")
    manifest = bundle.unpack(file, folder)
    document = json.loads(manifest.model_dump_json())
    change(document, folder)
    bundle.pack(folder, bundle.Manifest.model_validate(document), path)


def of(question: str, experiment: str):
    def change(document, folder) -> None:
        document.update(question=question, experiment=experiment)

    return change
