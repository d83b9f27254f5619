"""Which version answers a name, a version or a label; and how sure the champion is."""

import asyncio

import numpy as np
import pytest

from serving.errors import NoChampion, NotReady, RegistryUnavailable, UnverifiedModel
from serving.model import pool
from tests.support.small_service import NAME, Service, a_one, answers_of, put_copy, status

INSTANCES = {"instances": [a_one().tolist()]}
V1, V2 = f"/v1/models/{NAME}", f"/v2/models/{NAME}"


@pytest.fixture
def service(tmp_path):
    """Version 3 serves; the registry has versions 1 to 4; the copy of version 2 is here."""
    put_copy(tmp_path, "3", seed=1)
    put_copy(tmp_path, "2", seed=2, last=False)
    service = Service(tmp_path)
    service.run(service.models.follow(status("3"), 0.0))
    yield service
    service.close()


def test_other_versions_and_labels_answer_by_name(service: Service):
    for path in [f"{V1}/versions/2", f"{V1}/labels/previous"] * 2:
        answer = service.post(f"{path}:predict", json=INSTANCES)
        assert (answer.status_code, answer.headers["x-model-version"]) == (200, "2")
    assert service.others.downloads == [(NAME, "2")]


def test_the_champion_is_found_by_its_number_and_its_label_without_a_download(service: Service):
    found = [service.run(service.models.find(NAME, "3"))]
    found += [service.run(service.models.find(NAME, label=label)) for label in (None, "champion")]
    assert set(found) == {service.models.current}
    assert service.others.downloads == []


def test_an_unknown_model_is_told_of_those_with_a_version_alone(service: Service, tmp_path):
    answer = service.post("/v1/models/nope:predict", json=INSTANCES)
    assert (answer.status_code, NAME in answer.text) == (404, True)
    assert "offline-digits" not in answer.text
    empty = Service(tmp_path / "empty")
    answer = empty.post("/v1/models/nope:predict", json=INSTANCES)
    empty.close()
    assert (answer.status_code, "none yet" in answer.text) == (404, True)


def test_a_label_that_moves_is_followed_with_the_next_poll(service: Service):
    assert service.post(f"{V1}/labels/previous:predict", json=INSTANCES).status_code == 200
    moved = status("3")
    moved.listings[NAME].aliases["previous"] = "3"
    service.run(service.models.follow(moved, 0.0))
    answer = service.post(f"{V1}/labels/previous:predict", json=INSTANCES)
    assert answer.headers["x-model-version"] == "3"


def test_a_version_that_many_ask_for_at_once_is_downloaded_once(service: Service):
    async def many():
        return await asyncio.gather(*(service.models.find(NAME, "2") for _ in range(20)))

    assert {runner.model.version for runner in service.run(many())} == {"2"}
    assert service.others.downloads == [(NAME, "2")]


def listed(service: Service, count: int) -> None:
    """Versions 1 to so many, each with a copy on disk."""
    for number in range(1, count + 1):
        put_copy(service.models._settings.home, str(number), seed=number, last=False)
    versions = tuple(str(number) for number in range(1, count + 1))
    listing = pool.Listing(versions, {"champion": "3"})
    service.run(service.models.follow(status("3", listings={NAME: listing}), 0.0))


def test_besides_the_champion_the_eight_versions_that_were_used_last_are_kept(service: Service):
    listed(service, 12)
    for number in (1, 2, 4, 5, 6, 7, 8, 9, 1, 10):
        service.run(service.models.find(NAME, str(number)))
    kept = {version for _, version in service.models.loaded()}
    assert kept == {"3", "1", "4", "5", "6", "7", "8", "9", "10"}  # 2 was not used for longest
    assert len(kept) - 1 == pool.OTHERS


def test_the_newest_of_many_versions_are_named(service: Service, monkeypatch):
    monkeypatch.setattr(pool, "REFRESH_SECONDS", 0)
    monkeypatch.setattr(pool, "SHOWN", 2)
    for count, named in ((2, "it has versions 1, 2 and"), (3, "it has versions … 2, 3 and")):
        listed(service, count)
        assert named in service.get(f"{V2}/versions/99").json()["error"]


def probabilities(service: Service, path: str) -> list[list[float]]:
    return service.post(f"{path}:predict", json=INSTANCES).json()["predictions"]


def test_another_model_under_the_same_number_is_loaded(service: Service):
    home = service.models._settings.home
    service.run(service.models.follow(status("3", run_id="a-run"), 0.0))
    put_copy(home, "3", seed=8, run_id="another")
    before = service.models.current
    service.run(service.models.follow(status("3", run_id="a-run"), 0.0))
    assert service.models.current is before
    service.run(service.models.follow(status("3", run_id="another"), 0.0))
    assert np.allclose(probabilities(service, V1), answers_of(8, a_one()[None]), atol=1e-5)
    assert service.get("/health/ready").json()["run_id"] == "another"


def test_another_model_under_the_number_of_one_that_was_asked_for_is_loaded(service: Service):
    home = service.models._settings.home

    def follow(run_id: str) -> None:
        listing = pool.replace(status("3").listings[NAME], runs=("", run_id, "", ""))
        service.run(service.models.follow(status("3", listings={NAME: listing}), 0.0))

    follow("a-run")
    probabilities(service, f"{V1}/versions/2")
    put_copy(home, "2", seed=8, last=False, run_id="another")
    follow("a-run")
    probabilities(service, f"{V1}/versions/2")
    assert service.others.downloads == [(NAME, "2")]
    follow("another")
    found = probabilities(service, f"{V1}/versions/2")
    assert np.allclose(found, answers_of(8, a_one()[None]), atol=1e-5)
    assert service.others.downloads == [(NAME, "2")] * 2


@pytest.mark.parametrize(
    ("error", "status"), [(NoChampion, 404), (UnverifiedModel, 503), (RegistryUnavailable, 503)]
)
def test_a_version_that_cannot_be_had_is_reported_and_asked_for_again_later(
    service: Service, error, status
):
    service.others.outcomes["4"] = error("it cannot be had")
    for _ in range(3):
        answer = service.get(f"{V2}/versions/4")
        assert (answer.status_code, answer.json()) == (status, {"error": "it cannot be had"})
    assert len(service.others.downloads) == 1
    until, failure = service.models._failures[NAME, "4"]
    service.models._failures[NAME, "4"] = until - pool.REMEMBERED_SECONDS - 1, failure
    service.get(f"{V2}/versions/4")
    assert len(service.others.downloads) == 2


@pytest.mark.parametrize("wrong", ["9", "0", "03", "-1", "x", "9" * 300, "1e3", "%C2%B3"])
def test_a_version_that_does_not_exist_is_404_and_names_what_exists(
    service: Service, monkeypatch, wrong
):
    monkeypatch.setattr(pool, "REFRESH_SECONDS", 0)
    for path in (f"{V1}/versions/{wrong}", f"{V2}/versions/{wrong}/ready"):
        answer = service.get(path)
        assert answer.status_code == 404
        assert "it has versions 1, 2, 3, 4 and labels champion, previous" in answer.json()["error"]
    assert service.others.downloads == []


def test_an_unknown_label_is_404_and_names_what_exists(service: Service, monkeypatch):
    monkeypatch.setattr(pool, "REFRESH_SECONDS", 0)
    answer = service.post(f"{V1}/labels/nonsense:predict", json=INSTANCES)
    assert (answer.status_code, "labels champion, previous" in answer.json()["error"]) == (
        404,
        True,
    )


def test_for_a_new_version_the_registry_is_polled_once(service: Service):
    async def ask_and_poll():
        asking = asyncio.create_task(service.models.find(NAME, "5"))
        while not service.others.polls:
            await asyncio.sleep(0.01)
        newer = status("3")
        listing = pool.Listing(("1", "2", "3", "4", "5"), {"champion": "3"})
        await service.models.follow(pool.replace(newer, listings={NAME: listing}), 0.0)
        return await asking

    put_copy(service.models._settings.home, "5", seed=5, last=False)
    assert service.run(ask_and_poll()).model.version == "5"
    assert service.others.polls == 1


def test_not_for_each_who_asks_for_nonsense_is_the_registry_polled(service: Service, monkeypatch):
    monkeypatch.setattr(pool, "REFRESH_SECONDS", 0)
    for wrong in ("8", "9", "nonsense"):
        assert service.get(f"{V2}/versions/{wrong}").status_code == 404
    assert service.others.polls == 1
    service.models._refreshed -= pool.REMEMBERED_SECONDS
    assert service.get(f"{V2}/versions/9").status_code == 404
    assert service.others.polls == 2


def test_a_version_that_does_not_verify_is_reported_and_does_not_replace_the_champion(
    service: Service,
):
    altered = put_copy(service.models._settings.home, "4", seed=4, last=False) / "model.onnx"
    altered.write_bytes(b"another file")
    service.run(service.models.follow(status("4"), 0.0))
    refused = service.models.status.refused
    assert (refused.name, refused.version) == (NAME, "4")
    assert "not what was registered" in refused.reason
    assert service.models.champion().model.version == "3"
    metrics = service.get("/metrics").text
    assert "ann_registry_up 1.0" in metrics and "ann_model_refused 1.0" in metrics


def test_at_the_start_a_copy_that_was_altered_does_not_serve_and_another_model_may(tmp_path):
    (put_copy(tmp_path, "3", seed=1) / "model.onnx").write_bytes(b"another file")
    put_copy(tmp_path, "7", seed=2, name="offline-digits")
    service = Service(tmp_path)
    assert service.models.champion().key == ("offline-digits", "7")
    assert service.models.status.refused.version == "3"
    service.close()


def test_before_there_is_a_model_the_reason_is_said(tmp_path):
    service = Service(tmp_path)
    with pytest.raises(NotReady, match="no model to answer with yet: the registry was not asked"):
        service.models.champion()
    assert service.models.registry_age() is None
    assert not service.models.is_degraded()
    service.models._started -= pool.DEGRADED_SECONDS + 1
    assert service.models.is_degraded()
    service.models.tick()
    assert "ann_registry_age_seconds -1.0" in service.get("/metrics").text
    service.close()


def test_a_registry_that_is_seldom_polled_may_be_silent_for_five_polls(tmp_path):
    put_copy(tmp_path, "3", seed=1)
    service = Service(tmp_path, ANN_POLL_SECONDS="10")
    for age, degraded in ((45, False), (55, True)):
        service.run(service.models.follow(status("3"), age))
        assert service.models.is_degraded() is degraded
    service.close()


def test_while_the_registry_is_unavailable_nothing_waits_for_it(service: Service):
    service.run(service.models.follow(status("3", registry_error="it hangs"), 60.0))
    assert service.get(f"{V2}/versions/9").status_code == 404
    assert service.get(f"{V1}/labels/nonsense").status_code == 404
    assert service.get(f"{V2}/versions/2").status_code == 200  # its copy is here
    assert (service.others.polls, service.others.downloads) == (0, [])


def test_a_service_that_never_met_its_registry_names_what_is_on_disk(tmp_path):
    put_copy(tmp_path, "3", seed=1)
    put_copy(tmp_path, "2", seed=2, last=False)
    service = Service(tmp_path)
    error = service.get(f"{V2}/versions/9").json()["error"]
    assert "it has versions 2, 3 and labels champion" in error
    assert service.get(V2).json()["versions"] == ["2", "3"]
    service.close()


def test_of_more_versions_than_are_listed_older_ones_may_exist(service: Service):
    many = tuple(str(number) for number in range(5000, 5010))
    listing = pool.Listing(many, {"champion": "3"}, older=True)
    service.run(service.models.follow(pool.replace(status("3"), listings={NAME: listing}), 0.0))
    assert service.get(f"{V2}/versions/2").status_code == 200
    assert service.get(f"{V2}/versions/4999").status_code == 503  # it may exist; its copy does not
    assert service.others.downloads == [(NAME, "2"), (NAME, "4999")]


def test_the_age_of_the_last_confirmation_is_reported_and_past_a_limit_the_service_is_degraded(
    service: Service,
):
    def said(age: float | None) -> tuple[str, float | None]:
        error = None if age == 0 else "it is unavailable"
        service.run(service.models.follow(status("3", registry_error=error), age))
        ready = service.get("/health/ready")
        assert ready.status_code == 200
        return ready.json()["status"], ready.json()["registry_age_seconds"]

    assert said(0.0) == ("ok", 0.0)
    assert said(pool.DEGRADED_SECONDS - 5)[0] == "ok"
    assert said(pool.DEGRADED_SECONDS + 5) == ("degraded", pool.DEGRADED_SECONDS + 5)
    text = service.get("/metrics").text
    assert "ann_degraded 1.0" in text
    assert "ann_registry_age_seconds 20." in text
    assert service.post(f"{V1}:predict", json=INSTANCES).status_code == 200


def test_without_any_message_the_service_notices_by_itself(service: Service):
    service.run(service.models.follow(status("3"), 0.0))
    service.models._confirmed -= 3600
    assert service.get("/health/ready").json()["status"] == "degraded"
