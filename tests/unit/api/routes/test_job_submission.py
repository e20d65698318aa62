"""Submitting over HTTP: what is accepted, what is refused, and that refusals leave nothing."""

from base64 import b64encode
from http import HTTPStatus
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.deps import Resources
from narration.broker.interface import Task
from narration.jobs.work import MAX_COVER_BYTES
from narration.storage.keys import cover_key
from tests.pictures import make_png
from tests.unit.api.routes.jobs import BIG, TEXT, stored_files, submit


def test_submitted_job_is_accepted_and_announced_once(client: TestClient, broker: Any) -> None:
    answer = client.post("/v1/jobs", json={"text": TEXT})
    job = answer.json()
    assert answer.status_code == HTTPStatus.ACCEPTED
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}" == job["urls"]["self"]
    assert int(answer.headers["retry-after"]) >= 1
    assert job["state"] == "queued"
    assert broker.sent == [(Task.PLAN, job["id"])]


def test_uploaded_file_takes_its_settings_from_the_job_part(client: TestClient) -> None:
    answer = client.post(
        "/v1/jobs",
        files={"file": ("story.md", b"# One\n\nOnce upon a time.", "text/markdown")},
        data={"job": '{"outputs": ["mp3", "vtt"], "labels": {"book": "42"}}'},
    )
    job = answer.json()
    assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
    assert job["settings"]["outputs"] == ["mp3", "vtt"]
    assert job["source"]["name"] == "story.md"
    assert job["source"]["media_type"] == "text/markdown"


def test_large_source_goes_to_the_object_store(client: TestClient, resources: Resources) -> None:
    client.post("/v1/jobs", files={"file": ("big.txt", BIG, "text/plain")})
    assert [path.read_bytes() for path in stored_files(resources)] == [BIG]


def test_cover_comes_with_the_form_or_in_the_text(client: TestClient, resources: Resources) -> None:
    picture = make_png()
    files = {"file": ("a.txt", TEXT.encode()), "cover": ("c.png", picture)}
    answers = [
        client.post("/v1/jobs", files=files),
        client.post("/v1/jobs", json={"text": TEXT, "cover": b64encode(picture).decode()}),
    ]
    for answer in answers:
        assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
        assert resources.stores.work.get(cover_key(answer.json()["id"])) == picture


@pytest.mark.parametrize("cover", [b"GIF89a", b"\xff\xd8\xff" + bytes(MAX_COVER_BYTES)])
def test_cover_that_cannot_be_used_is_refused_at_its_field(
    client: TestClient, resources: Resources, cover: bytes
) -> None:
    files = {"file": ("a.txt", TEXT.encode()), "cover": ("c", cover)}
    answers = [
        client.post("/v1/jobs", files=files),
        client.post("/v1/jobs", json={"text": TEXT, "cover": b64encode(cover).decode()}),
    ]
    for answer in answers:
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/cover"]
    assert stored_files(resources) == []


def test_file_under_another_name_is_refused(client: TestClient) -> None:
    files = {"file": ("a.txt", TEXT.encode()), "picture": ("c.png", make_png())}
    answer = client.post("/v1/jobs", files=files)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["errors"][0]["pointer"] == "/picture"


def test_other_language_is_refused_unless_insisted_on(client: TestClient) -> None:
    page = {"file": ("a.html", b"<html lang='de'><body><p>Guten Tag.</p></body></html>")}
    refused = client.post("/v1/jobs", files=page)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "other_language" in refused.json()["detail"]
    insisted = client.post("/v1/jobs", files=page, data={"job": '{"other_language": "read"}'})
    assert insisted.status_code == HTTPStatus.ACCEPTED


def test_reason_that_cannot_be_read_is_refused_at_its_field(client: TestClient) -> None:
    answer = client.post("/v1/jobs", json={"text": TEXT, "spoken": ["markup"]})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/spoken"
    assert "choose among" in error["detail"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bomb.txt", b"PK\x03\x04" + b"\0" * 5000),
        ("picture.txt", b"\x89PNG\r\n" + bytes(range(256)) * 40),
        ("empty.txt", b""),
        ("blank.md", b" \n\n "),
        ("stars.txt", b"* * *"),
        ("book.docx", b"words and more words"),
    ],
)
def test_document_that_cannot_be_narrated_leaves_nothing_behind(
    client: TestClient, resources: Resources, broker: Any, name: str, data: bytes
) -> None:
    answer = client.post("/v1/jobs", files={"file": (name, data)})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["code"] == "document_invalid"
    assert client.get("/v1/jobs").json()["items"] == []
    assert (stored_files(resources), broker.sent) == ([], [])


def test_too_many_characters_are_refused(limited: Any) -> None:
    with limited(limits={"document_chars": 20}) as client:
        assert client.post("/v1/jobs", json={"text": TEXT}).json()["code"] == "document_invalid"


@pytest.mark.parametrize("prefix", ["../x", "a/../b", "a//b", "a\\b", "a/./b", "a\x00b", "a\nb"])
def test_prefix_that_leads_elsewhere_is_refused(
    client: TestClient, resources: Resources, prefix: str
) -> None:
    answer = client.post("/v1/jobs", json={"text": TEXT, "destination": {"prefix": prefix}})
    assert answer.json()["code"] in {"output_denied", "invalid_request"}
    assert stored_files(resources) == []


def test_unknown_profile_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/jobs", json={"text": TEXT, "destination": {"profile": "attic"}})
    assert answer.json()["code"] == "output_denied"
    assert "attic" in answer.json()["detail"]


def test_unknown_voice_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/jobs", json={"text": TEXT, "voice": "nobody"})
    assert answer.json()["errors"][0]["pointer"] == "/voice"


def test_full_queue_asks_to_come_back(limited: Any) -> None:
    with limited(limits={"queued_jobs": 1}) as client:
        submit(client)
        answer = client.post("/v1/jobs", json={"text": TEXT})
    assert answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert int(answer.headers["retry-after"]) > 0


def test_job_is_accepted_although_the_broker_is_down(client: TestClient, broker: Any) -> None:
    broker.is_down = True
    assert submit(client)["state"] == "queued"


def test_same_request_under_the_same_key_is_the_same_job(client: TestClient, broker: Any) -> None:
    headers = {"Idempotency-Key": "k"}
    first = client.post("/v1/jobs", json={"text": TEXT}, headers=headers)
    again = client.post("/v1/jobs", json={"text": TEXT}, headers=headers)
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["idempotency-replayed"] == "true"
    assert len(broker.sent) == 1


def test_other_request_under_the_same_key_is_refused(client: TestClient) -> None:
    headers = {"Idempotency-Key": "k"}
    client.post("/v1/jobs", json={"text": TEXT}, headers=headers)
    answer = client.post("/v1/jobs", json={"text": TEXT, "seed": 1}, headers=headers)
    assert answer.json()["code"] == "idempotency_conflict"


def test_key_of_a_refused_request_can_be_used_again(client: TestClient) -> None:
    headers = {"Idempotency-Key": "k"}
    client.post("/v1/jobs", json={"text": "", "seed": 1}, headers=headers)
    answer = client.post("/v1/jobs", json={"text": TEXT}, headers=headers)
    assert answer.status_code == HTTPStatus.ACCEPTED
