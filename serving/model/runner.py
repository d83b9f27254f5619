"""Runs a model: in the event loop where that takes microseconds, else in batches in a thread."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from serving.model.loaded_model import Answers, LoadedModel
from serving.protocols.digits import Images

INLINE_SECONDS = 100e-6  # what a request may take of the event loop's time
BATCH = 64  # images that the network sees at once
WARM_UP = 20

_thread = ThreadPoolExecutor(1, "inference")


class ModelRunner:
    """A verified model, warmed up, with its own queue: no batch mixes two versions.

    Attributes:
        model: the model.
        identity: what every answer says of it.
        header: the same as a header, X-Model-Version.
        seconds: the time it takes for one image.
    """

    def __init__(self, model: LoadedModel, mlflow_ui: str) -> None:
        """Warm the model up and time it; takes some milliseconds."""
        self.model = model
        self.identity = {
            "model": model.name,
            "version": model.version,
            "data": model.data,
            "run_id": model.run_id,
            "run_url": _run_url(model, mlflow_ui),
        }
        self.header = (b"x-model-version", model.version.encode())
        self.seconds = min(self._time_one() for _ in range(WARM_UP))
        self._inline_images = int(INLINE_SECONDS / self.seconds)
        self._queue: deque[tuple[Images, asyncio.Future[Answers]]] = deque()
        self._working: asyncio.Task[None] | None = None

    @property
    def key(self) -> tuple[str, str]:
        """The model's name and version."""
        return self.model.name, self.model.version

    def _time_one(self) -> float:
        started = time.perf_counter()
        self.model.answer(np.zeros((1, 28, 28), np.float32))
        return time.perf_counter() - started

    def is_not(self, name: str, version: str, run_id: str | None = None) -> bool:
        """Whether this is another model or version, or the same number of another run."""
        return self.key != (name, version) or run_id not in (None, self.model.run_id)

    def inline(self, images: Images) -> Answers | None:
        """The answers, if the event loop can spare the time; else None."""
        if len(images) <= self._inline_images:
            return self.model.answer(images)
        return None

    async def batched(self, images: Images) -> Answers:
        """The answers, found together with what else is waiting."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._queue.append((images, future))
        if self._working is None or self._working.done():
            self._working = loop.create_task(self._work())
        return await future

    async def _work(self) -> None:
        """Answer all that waits, batch after batch; each takes what came during the last."""
        loop = asyncio.get_running_loop()
        while self._queue:
            batch = [self._queue.popleft()]
            room = BATCH - len(batch[0][0])
            while self._queue and len(self._queue[0][0]) <= room:
                batch.append(self._queue.popleft())
                room -= len(batch[-1][0])
            waiting = [(part, future) for part, future in batch if not future.done()]
            if not waiting:  # their senders have gone
                continue
            try:
                parts = [part for part, _ in waiting]
                answers = await loop.run_in_executor(_thread, self._predict, parts)
            except Exception as error:
                for _, future in waiting:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), answer in zip(waiting, answers, strict=True):
                if not future.done():
                    future.set_result(answer)

    def _predict(self, parts: list[Images]) -> list[Answers]:
        images = parts[0] if len(parts) == 1 else np.concatenate(parts)
        pieces = [
            self.model.answer(images[start : start + BATCH])
            for start in range(0, len(images), BATCH)
        ]
        ends = np.cumsum([len(part) for part in parts])[:-1]
        split = [np.split(np.concatenate(arrays), ends) for arrays in zip(*pieces, strict=True)]
        return [Answers(*arrays) for arrays in zip(*split, strict=True)]


def _run_url(model: LoadedModel, mlflow_ui: str) -> str | None:
    if not (model.run_id and model.experiment_id):
        return None
    return f"{mlflow_ui}/#/experiments/{model.experiment_id}/runs/{model.run_id}"
