"""Chunks are heard, retaken and accepted over HTTP."""

from dataclasses import replace
from http import HTTPStatus

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.deps import Resources
from narration.settings import S3Profile
from narration.storage.profiles import Stores
from tests.unit.api.routes.jobs import submit
from tests.unit.api.routes.mending import delivered, sound_of, speak_again

NOWHERE = f"/v1/jobs/job_{'0' * 26}"


@pytest.fixture
def path(client: TestClient, resources: Resources) -> str:
    return delivered(client, resources)


def mended(client: TestClient, resources: Resources, path: str) -> None:
    """Retake the first chunk of a job, and deliver it."""
    assert client.post(f"{path}/chunks/0/retake").status_code == HTTPStatus.ACCEPTED
    number = client.get(f"{path}/chunks/0").json()["take"]
    assert number is None
    speak_again(resources, path.rpartition("/")[2], 3)


def test_kept_take_is_heard_with_ranges(client: TestClient, path: str) -> None:
    answer = client.get(f"{path}/chunks/1/audio")
    assert (answer.content, answer.headers["content-type"]) == (sound_of(1, 0), "audio/flac")
    assert "chunk-1-take-0.flac" in answer.headers["content-disposition"]
    part = client.get(f"{path}/chunks/1/audio", headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (HTTPStatus.PARTIAL_CONTENT, b"fLaC")
    beyond = client.get(f"{path}/chunks/1/audio", headers={"Range": "bytes=900-"})
    assert beyond.json()["code"] == "range_invalid"


def test_sound_in_a_bucket_is_heard_through_a_signed_url(resources: Resources, path: str) -> None:
    s3 = pytest.importorskip("narration.storage.s3")
    profile = S3Profile.model_validate(
        {
            "kind": "s3",
            "bucket": "narration",
            "endpoint_url": "http://inside:8333",
            "public_endpoint_url": "https://audio.example.org",
            "access_key_id": "AK",
            "secret_access_key": "SK",
        }
    )
    bucket = s3.S3Storage(profile)
    stores = Stores(profiles={"default": bucket}, work=bucket)
    app = create_app(resources.settings, replace(resources, stores=stores))
    with TestClient(app, follow_redirects=False) as client:
        answer = client.get(f"{path}/chunks/1/audio")
    assert answer.status_code == HTTPStatus.FOUND
    assert answer.headers["location"].startswith("https://audio.example.org/narration/chunks/")


def test_takes_are_compared_and_each_is_heard(
    client: TestClient, resources: Resources, path: str
) -> None:
    mended(client, resources, path)
    takes = client.get(f"{path}/chunks/0/takes").json()["items"]
    assert [(take["number"], take["is_kept"]) for take in takes] == [(0, False), (3, True)]
    assert [take["findings"][0]["flag"] for take in takes] == ["silent", "silent"]
    for take in takes:
        assert client.get(take["url"]).content == sound_of(0, take["number"])


@pytest.mark.parametrize(
    "where", ["chunks/9", "chunks/9/takes", "chunks/9/audio", "chunks/0/audio?take=7"]
)
def test_what_is_not_there_is_not_found(client: TestClient, path: str, where: str) -> None:
    assert client.get(f"{path}/{where}").json()["code"] == "not_found"
    assert client.get(f"{NOWHERE}/{where}").json()["code"] == "not_found"


def test_sound_that_was_removed_from_the_store_is_not_found(
    client: TestClient, resources: Resources, path: str
) -> None:
    for info in list(resources.stores.work.find("chunks/")):
        resources.stores.work.delete(info.key)
    assert client.get(f"{path}/chunks/0/audio").json()["code"] == "not_found"


def test_retake_sends_the_job_back_and_keeps_its_files(
    client: TestClient, resources: Resources, path: str
) -> None:
    answer = client.post(f"{path}/chunks/0/retake")
    job = answer.json()
    assert (answer.status_code, job["state"], job["revision"]) == (202, "rendering", 2)
    assert "retry-after" in answer.headers
    assert client.get(f"{path}/artifacts/audio.mp3").content == b"the book, revision 1"
    speak_again(resources, job["id"], 3)
    assert client.get(path).json()["state"] == "succeeded"
    assert client.get(f"{path}/artifacts/audio.mp3").content == b"the book, revision 2"
    first = client.get(f"{path}/artifacts/audio.mp3", params={"revision": 1})
    assert first.content == b"the book, revision 1"


def test_retake_takes_text_delivery_and_seed(client: TestClient, path: str) -> None:
    body = {"spoken_text": "He owed 3 pounds.", "delivery": {"exaggeration": 0.9}, "seed": 7}
    assert client.post(f"{path}/chunks/0/retake", json=body).status_code == HTTPStatus.ACCEPTED
    chunk = client.get(f"{path}/chunks/0").json()
    assert chunk["spoken_text"] == "He owed three pounds."
    assert chunk["planned_text"] == "ten chars."
    assert chunk["delivery"]["exaggeration"] == 0.9
    assert chunk["delivery"]["temperature"] == 0.8
    assert (chunk["state"], chunk["findings"]) == ("pending", [])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"spoken_text": ""}, "/spoken_text"),
        ({"spoken_text": "?!"}, "/spoken_text"),
        ({"spoken_text": "日本"}, "/spoken_text"),
        ({"spoken_text": "a\u0000b"}, "/spoken_text"),
        ({"delivery": {"exaggeration": 9}}, "/delivery/exaggeration"),
        ({"delivery": {"speed": 2}}, "/delivery/speed"),
        ({"seed": -1}, "/seed"),
        ({"take": 1}, "/take"),
    ],
)
def test_retake_that_makes_no_sense_changes_nothing(
    client: TestClient, path: str, body: dict[str, object], pointer: str
) -> None:
    answer = client.post(f"{path}/chunks/0/retake", json=body)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert client.get(path).json()["state"] == "succeeded"


def test_chunk_that_is_being_spoken_is_not_retaken_again(client: TestClient, path: str) -> None:
    client.post(f"{path}/chunks/0/retake")
    for action in ("retake", "accept"):
        answer = client.post(f"{path}/chunks/0/{action}")
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_job_that_is_not_planned_or_canceled_is_not_mended(client: TestClient) -> None:
    job = submit(client)["urls"]
    assert client.post(f"{job['self']}/chunks/0/retake").status_code == HTTPStatus.NOT_FOUND
    client.post(job["cancel"])
    assert client.post(f"{job['self']}/chunks/0/accept").status_code == HTTPStatus.NOT_FOUND


def test_flagged_chunk_is_accepted_as_it_is(client: TestClient, path: str) -> None:
    answer = client.post(f"{path}/chunks/0/accept")
    job = answer.json()
    assert (answer.status_code, job["state"], job["revision"]) == (200, "succeeded", 1)
    assert (job["warnings"], job["progress"]["chunks_flagged"]) == ([], 0)
    chunk = client.get(f"{path}/chunks/0").json()
    assert (chunk["state"], chunk["findings"][0]["flag"]) == ("accepted", "silent")


def test_earlier_take_is_chosen(client: TestClient, resources: Resources, path: str) -> None:
    mended(client, resources, path)
    answer = client.post(f"{path}/chunks/0/accept", json={"take": 0})
    job = answer.json()
    assert (answer.status_code, job["state"], job["revision"]) == (202, "assembling", 3)
    chunk = client.get(f"{path}/chunks/0").json()
    assert (chunk["take"], chunk["state"]) == (0, "accepted")
    nowhere = client.post(f"{path}/chunks/0/accept", json={"take": 99})
    assert nowhere.json()["code"] == "not_found"


def test_body_that_is_no_json_is_refused(client: TestClient, path: str) -> None:
    answer = client.post(f"{path}/chunks/0/retake", content=b"x=1")
    assert answer.status_code == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    large = client.post(f"{path}/chunks/0/retake", json={"spoken_text": "a" * 10_000})
    assert large.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def test_events_tell_of_the_mending(client: TestClient, resources: Resources, path: str) -> None:
    mended(client, resources, path)
    with client.stream("GET", f"{path}/events") as stream:
        told = [line.removeprefix("event: ") for line in stream.iter_lines() if "event: " in line]
    moves = [kind for kind in told if kind.startswith("job.")]
    assert moves[-3:] == ["job.rendering", "job.assembling", "job.succeeded"]
    assert "chunks.reset" in told
