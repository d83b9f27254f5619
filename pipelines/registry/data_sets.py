"""Image data sets of one's own: an entry each, kept with the registered model of the same name."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from pipelines.errors import WrongUse
from pipelines.tracking import tags

MODEL_TAG_CHARACTERS = 5000  # of a registered model's tag, in MLflow's column; SQLite ignores it


@dataclass(frozen=True)
class DataSetEntry:
    """One data set.

    Attributes:
        name: also of its registered model, and in the service's addresses.
        found_at: `fashion-mnist`, or NAME=PATH, as `ann_models.digits.image_sets` reads it.
        classes: their names, by label.
        sha256: of all its pictures and labels, as split.
    """

    name: str
    found_at: str
    classes: tuple[str, ...]
    sha256: str


class DataSets:
    """Reads and writes entries, each a tag of a registered model."""

    def __init__(self, client: MlflowClient) -> None:
        """Use the registry behind a client."""
        self.client = client

    def find(self, model: str) -> DataSetEntry | None:
        """The data set on which a registered model is trained; None if it is a digit model."""
        try:
            text = self.client.get_registered_model(model).tags.get(tags.DATA_SET)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
        if not text:
            return None
        fields = json.loads(text)
        return DataSetEntry(**fields | {"classes": tuple(fields["classes"])})

    def check(self, entry: DataSetEntry) -> None:
        """Refuse a data set under the name of another one: their models could not be compared.

        Raises:
            WrongUse: the name is taken, or the classes' names are too long to be kept.
        """
        found, uri = len(_as_tag(entry)), self.client.tracking_uri
        if found > MODEL_TAG_CHARACTERS and not uri.startswith(("sqlite:", "sqlite+")):
            raise WrongUse(
                f"{entry.name} has {len(entry.classes)} classes, whose names and place take "
                f"{found:,} characters, and MLflow's database has room for "
                f"{MODEL_TAG_CHARACTERS:,}; give the classes shorter names."
            )
        known = self.find(entry.name)
        if known and known.sha256 != entry.sha256:
            raise WrongUse(
                f"{entry.name} has other pictures or names of classes than before: SHA-256 "
                f"{entry.sha256[:12]}, and its registered models learned from "
                f"{known.sha256[:12]} ({known.found_at}). "
                "Models are only compared on the same pictures: give these a name of their own, "
                f"such as {entry.name}-2."
            )
        if not known and self.client.search_model_versions(f"name='{entry.name}'", max_results=1):
            raise WrongUse(
                f"the registry has a model {entry.name} that no image data set belongs to; choose "
                "another name."
            )

    def keep(self, entry: DataSetEntry) -> None:
        """Store the entry with its registered model, which exists.

        Raises:
            WrongUse: it is the model of other pictures, or the entry is too long.
        """
        self.check(entry)
        self.client.set_registered_model_tag(entry.name, tags.DATA_SET, _as_tag(entry))


def _as_tag(entry: DataSetEntry) -> str:
    """JSON in which every script's letters take one character; only what is no UTF-8 is escaped."""
    text = json.dumps(asdict(entry), ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode()
