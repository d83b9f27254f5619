"""A state folder with a champion, and what its digit service stored, for tests of the loop."""

import hashlib
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sql
from scipy.ndimage import rotate

from ann_models import datasets
from pipelines import settings
from pipelines.feedback.corrections import DAY, HOUR
from pipelines.maintenance import relocation
from serving.feedback import tables

NAME = "offline-digits"
DIGITS = datasets.digits("offline-digits").arrays


def tilted(images: np.ndarray, degrees: float = 35) -> np.ndarray:
    """Digits as somebody draws them who holds the paper askew."""
    turned = rotate(images, degrees, axes=(1, 2), reshape=False, order=1)
    return turned.clip(0, 1).astype(np.float32)


def url(home: Path) -> str:
    return f"sqlite:///{home / 'feedback.db'}"


def enter(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a state folder the one in use, without MNIST."""
    monkeypatch.setenv("ANN_HOME", str(home))
    for variable in ("MLFLOW_TRACKING_URI", "ANN_MNIST_PATH", "ANN_FEEDBACK_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("ANN_OFFLINE", "1")
    monkeypatch.setenv("KERAS_HOME", str(home / "no MNIST here"))


def copied(champion_home: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for a test, with the champion of another."""
    shutil.copytree(champion_home, home)
    enter(home, monkeypatch)
    relocation.repair(settings.load())
    return home


def corrected(
    home: Path, images: np.ndarray, digits: np.ndarray, days_ago: int = 1, model: str = NAME
) -> None:
    """Store corrections as the service does, one a minute from eight in the morning on."""
    morning = (time.time() // DAY - days_ago) * DAY + 8 * HOUR
    rows = []
    for i, (image, digit) in enumerate(zip(images, digits, strict=True)):
        content = tables.to_bytes(image)
        rows.append(
            {
                "time": morning + 60 * i,
                "model": model,
                "version": "1",
                "digit": int(digit),
                "image": content,
                "image_sha256": hashlib.sha256(content).hexdigest(),
            }
        )
    _insert(home, tables.corrections, rows)


def asked(home: Path, images: np.ndarray) -> None:
    """Store requests as the service does, one a second until now."""
    rows = [
        {
            "request_id": f"r{i}",
            "time": time.time() - len(images) + i,
            "model": NAME,
            "version": "1",
            "digit": 0,
            "confidence": 0.5,
            "image": tables.to_bytes(image),
        }
        for i, image in enumerate(images)
    ]
    _insert(home, tables.predictions, rows)


def _insert(home: Path, table: sql.Table, rows: list[dict[str, object]]) -> None:
    engine = sql.create_engine(url(home))
    tables.METADATA.create_all(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), rows)
    engine.dispose()
