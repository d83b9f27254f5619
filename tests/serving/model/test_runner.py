"""A model in the event loop, or in batches in a thread: each gets its own answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from serving.errors import UnverifiedModel
from serving.model.loaded_model import Answers, LoadedModel, load
from serving.model.runner import BATCH, WARM_UP, ModelRunner
from tests.support.small_service import NAME, Service, a_one, answers_of, put_copy

ONE = {"image": a_one().tolist()}


def test_a_slow_model_answers_waiting_requests_together_and_correctly(tmp_path, monkeypatch):
    put_copy(tmp_path, "3", seed=1)
    service = Service(tmp_path)
    served = service.models.current
    monkeypatch.setattr(served, "_inline_images", 0)
    sizes = []
    predict = type(served.model).predict

    def slow(champion, images):
        sizes.append(len(images))
        time.sleep(0.01)
        return predict(champion, images)

    monkeypatch.setattr(type(served.model), "predict", slow)

    async def ask(shade: float):
        body = {"image": (shade * a_one()).tolist()}
        return (await service._client.post("/predict", json=body)).json()["probabilities"]

    async def many():
        return await asyncio.gather(*(ask(n / 40) for n in range(40)))

    answers = service.run(many())
    monkeypatch.undo()
    assert len(sizes) < 10
    alone = [
        service.post("/predict", json={"image": (n / 40 * a_one()).tolist()}).json()
        for n in range(40)
    ]
    for together, one in zip(answers, alone, strict=True):
        assert together == pytest.approx(one["probabilities"], abs=1e-5)
    service.close()


def test_a_failure_in_a_batch_reaches_all_who_wait(tmp_path, monkeypatch, capfd):
    put_copy(tmp_path, "3", seed=1)
    service = Service(tmp_path)
    served = service.models.current
    monkeypatch.setattr(served, "_inline_images", 0)

    def fail(parts):
        raise UnverifiedModel("broken")

    monkeypatch.setattr(served, "_predict", fail)
    assert service.post("/predict", json=ONE).status_code == 503
    monkeypatch.undo()
    assert service.post("/predict", json=ONE).status_code == 200
    service.close()


# The runner itself

IMAGES = np.random.default_rng(0).random((150, 28, 28), np.float32)


@pytest.fixture
def model(tmp_path) -> LoadedModel:
    put_copy(tmp_path, "3", seed=1)
    return load(tmp_path, NAME, "3", "champion")


@pytest.fixture
def runner(model) -> ModelRunner:
    return ModelRunner(model, "http://mlflow")


@pytest.fixture
def sizes(runner, monkeypatch) -> list[int]:
    """How many images the network saw each time."""
    seen = []
    answer = LoadedModel.answer
    monkeypatch.setattr(
        LoadedModel, "answer", lambda self, images: seen.append(len(images)) or answer(self, images)
    )
    return seen


def test_a_model_says_what_it_is(runner):
    assert runner.key == (NAME, "3")
    assert runner.header == (b"x-model-version", b"3")
    assert runner.identity == {
        "model": NAME,
        "version": "3",
        "data": "mnist",
        "run_id": "a-run",
        "run_url": "http://mlflow/#/experiments/3/runs/a-run",
    }


def test_a_model_of_no_run_has_no_link_to_one(tmp_path):
    put_copy(tmp_path, "4", seed=1, run_id="")
    runner = ModelRunner(load(tmp_path, NAME, "4", "champion"), "http://mlflow")
    assert runner.identity["run_url"] is None


@pytest.mark.parametrize(
    ("wanted", "another"),
    [
        ((NAME, "3"), False),
        ((NAME, "3", None), False),
        ((NAME, "3", "a-run"), False),
        ((NAME, "3", "another run"), True),
        ((NAME, "4", "a-run"), True),
        (("offline-digits", "3", "a-run"), True),
    ],
)
def test_another_model_version_or_run_is_told_apart(runner, wanted, another):
    assert runner.is_not(*wanted) is another


def test_the_quickest_of_its_first_answers_says_how_many_images_are_answered_at_once(
    model, monkeypatch
):
    times = [1.0] * (WARM_UP - 1) + [40e-6]
    monkeypatch.setattr(ModelRunner, "_time_one", lambda self: times.pop(0))
    runner = ModelRunner(model, "")
    assert (runner.seconds, times) == (40e-6, [])
    np.testing.assert_allclose(
        runner.inline(IMAGES[:2]).probabilities, answers_of(1, IMAGES[:2]), atol=1e-6
    )
    assert runner.inline(IMAGES[:3]) is None


def test_its_time_for_one_image_is_that_of_an_answer(model, monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    assert ModelRunner(model, "").seconds == 1


def batched(runner: ModelRunner, *parts: np.ndarray) -> list[Answers]:
    """The answers to requests that come at the same time."""

    async def ask() -> list[Answers]:
        return await asyncio.gather(*(runner.batched(part) for part in parts))

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("requests", "seen"),
    [
        ([1], [1]),
        ([1, 2, 3], [6]),
        ([32, 32], [64]),
        ([32, 33], [32, 33]),
        ([30, 30, 30], [60, 30]),
        ([64, 1], [64, 1]),
        ([1, 64, 1], [1, 64, 1]),
        ([150], [64, 64, 22]),
    ],
)
def test_what_waits_is_answered_together_in_its_order_up_to_a_batch(runner, sizes, requests, seen):
    ends = np.cumsum(requests)
    parts = [IMAGES[end - size : end] for size, end in zip(requests, ends, strict=True)]
    answers = batched(runner, *parts)
    assert (sizes, BATCH) == (seen, 64)
    for part, answer in zip(parts, answers, strict=True):
        np.testing.assert_allclose(answer.probabilities, answers_of(1, part), atol=1e-6)
        assert answer.digit_scores.tolist() == [1] * len(part)


def while_busy(runner: ModelRunner, ask: Callable[[], Awaitable[None]]) -> None:
    """Ask while the network works for another, so that what is asked waits."""

    async def run() -> None:
        first = asyncio.create_task(runner.batched(IMAGES[:1]))
        await asyncio.sleep(0)
        await ask()
        await first

    asyncio.run(run())


def test_of_senders_that_have_gone_nothing_is_computed(runner, sizes):
    async def ask() -> None:
        gone = [asyncio.create_task(runner.batched(IMAGES[:size])) for size in (64, 2)]
        stays = asyncio.create_task(runner.batched(IMAGES[:3]))
        await asyncio.sleep(0)
        for task in gone:
            task.cancel()
        assert len((await stays).probabilities) == 3

    while_busy(runner, ask)
    assert sorted(sizes) == [1, 3]


def test_a_sender_that_goes_while_it_is_computed_costs_no_other(runner, sizes, monkeypatch):
    predict = runner._predict

    async def run() -> None:
        loop = asyncio.get_running_loop()
        asked = [asyncio.create_task(runner.batched(IMAGES[:size])) for size in (1, 2)]
        began = asyncio.Event()

        def slow(parts: list[np.ndarray]) -> list[Answers]:
            loop.call_soon_threadsafe(began.set)
            return asyncio.run_coroutine_threadsafe(gone(), loop).result(10) or predict(parts)

        async def gone() -> None:
            await began.wait()
            asked[0].cancel()

        monkeypatch.setattr(runner, "_predict", slow)
        assert len((await asked[1]).probabilities) == 2
        assert asked[0].cancelled()

    asyncio.run(run())


def test_a_failure_costs_one_batch_and_reaches_each_of_its_senders(runner, monkeypatch):
    async def ask() -> list[Answers | BaseException]:
        return await asyncio.gather(
            *(runner.batched(IMAGES[:40]) for _ in range(3)), return_exceptions=True
        )

    predict, failures = runner._predict, [UnverifiedModel("broken")]

    def fail_once(parts: list[np.ndarray]) -> list[Answers]:
        if failures:
            raise failures.pop()
        return predict(parts)

    monkeypatch.setattr(runner, "_predict", fail_once)
    first, *others = asyncio.run(ask())
    assert str(first) == "broken"
    assert [len(answer.probabilities) for answer in others] == [40, 40]
