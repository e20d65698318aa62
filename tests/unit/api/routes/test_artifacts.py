"""Artifacts are read through presigned URLs, or served if objects are local files."""

from dataclasses import replace
from http import HTTPStatus

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.deps import Resources
from narration.database import session_scope
from narration.jobs.record import Artifact
from narration.settings import S3Profile
from narration.storage.profiles import Stores

SOUND = bytes(range(200))


@pytest.fixture
def job_path(client: TestClient, resources: Resources) -> str:
    job = client.post("/v1/jobs", json={"text": "Hello there."}).json()
    key = f"{job['id']}/1-1/audio.mp3"
    resources.stores.work.put(key, SOUND)
    with session_scope(resources.database) as session:
        session.add(
            Artifact(
                job_id=job["id"],
                name="audio.mp3",
                owner="local",
                key=key,
                media_type="audio/mpeg",
                size_bytes=len(SOUND),
                sha256="0" * 64,
                duration_ms=1500,
            )
        )
    return str(job["urls"]["self"])


def test_file_is_served_where_objects_are_files(client: TestClient, job_path: str) -> None:
    listed = client.get(f"{job_path}/artifacts").json()["items"]
    assert [(item["name"], item["duration_s"]) for item in listed] == [("audio.mp3", 1.5)]
    answer = client.get(listed[0]["url"])
    assert answer.content == SOUND
    assert answer.headers["content-type"] == "audio/mpeg"
    assert "audio.mp3" in answer.headers["content-disposition"]


def test_player_can_ask_for_a_part(client: TestClient, job_path: str) -> None:
    answer = client.get(f"{job_path}/artifacts/audio.mp3", headers={"Range": "bytes=10-19"})
    assert answer.status_code == HTTPStatus.PARTIAL_CONTENT
    assert answer.content == SOUND[10:20]


def test_bucket_is_read_through_a_signed_url(resources: Resources, job_path: str) -> None:
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
        answer = client.get(f"{job_path}/artifacts/audio.mp3")
        listed = client.get(f"{job_path}/artifacts").json()["items"]
    assert answer.status_code == HTTPStatus.FOUND
    for url in (answer.headers["location"], listed[0]["url"]):
        assert url.startswith("https://audio.example.org/narration/job_")
        assert "X-Amz-Signature" in url
        assert "SK" not in url.split("X-Amz-Signature")[0]


@pytest.mark.parametrize("name", ["other.mp3", "..%2f..%2frhapsode.db", "%2e%2e"])
def test_name_that_was_not_delivered_is_not_found(
    client: TestClient, job_path: str, name: str
) -> None:
    answer = client.get(f"{job_path}/artifacts/{name}")
    assert answer.status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("byte_range", ["bytes=900-", "bytes=x", "bytes=9-3", "lines=1-2"])
def test_range_that_is_not_there_is_a_problem_document(
    client: TestClient, job_path: str, byte_range: str
) -> None:
    answer = client.get(f"{job_path}/artifacts/audio.mp3", headers={"Range": byte_range})
    assert answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    assert answer.json()["code"] == "range_invalid"
    assert answer.headers["content-range"] == f"bytes */{len(SOUND)}"


def test_head_of_a_file_has_its_size_and_no_body(client: TestClient, job_path: str) -> None:
    answer = client.head(f"{job_path}/artifacts/audio.mp3")
    assert (answer.headers["content-length"], answer.content) == (str(len(SOUND)), b"")
