"""All deliveries of a job stay listed, and a changed text becomes a new job."""

from http import HTTPStatus

import httpx
import pytest
from fastapi.testclient import TestClient

from api.deps import Resources
from narration.database import session_scope
from narration.jobs.record import Job
from narration.storage.keys import cover_key
from tests.pictures import make_png
from tests.unit.api.routes.jobs import submit
from tests.unit.api.routes.mending import delivered, speak_again

NEW_TEXT = "It was a dark cold day in April, and the clocks were striking fourteen."


def revise(client: httpx.Client, path: str, **headers: str) -> httpx.Response:
    return client.post(f"{path}/revisions", json={"text": NEW_TEXT}, headers=headers)


def test_every_delivery_stays_listed(client: TestClient, resources: Resources) -> None:
    path = delivered(client, resources)
    for take in (3, 6):
        client.post(f"{path}/chunks/0/retake")
        speak_again(resources, path.rpartition("/")[2], take)
    listed = client.get(f"{path}/revisions").json()["items"]
    assert [revision["number"] for revision in listed] == [3, 2, 1]
    assert [revision["replaced_at"] is None for revision in listed] == [True, False, False]
    for revision in listed:
        (artifact,) = revision["artifacts"]
        heard = client.get(artifact["url"]).content
        assert heard == f"the book, revision {revision['number']}".encode()


def test_revision_that_was_not_delivered_is_not_found(
    client: TestClient, resources: Resources
) -> None:
    path = delivered(client, resources)
    for where in ("artifacts", "artifacts/audio.mp3"):
        answer = client.get(f"{path}/{where}", params={"revision": 2})
        assert answer.status_code == HTTPStatus.NOT_FOUND


def test_changed_text_is_a_job_with_the_settings_of_the_first(
    client: TestClient, resources: Resources
) -> None:
    first = submit(client, outputs=["mp3"], labels={"book": "42"}, delivery={"exaggeration": 0.9})
    with session_scope(resources.database) as session:
        row = session.get(Job, first["id"])
        assert row is not None
        row.gain_db, row.is_gain_kept = 2.5, True
    resources.stores.work.put(cover_key(first["id"]), make_png(300))
    answer = revise(client, first["urls"]["self"])
    second = answer.json()
    assert answer.status_code == HTTPStatus.ACCEPTED
    assert answer.headers["location"] == second["urls"]["self"]
    assert second["settings"] == first["settings"]
    assert (second["revision_of"], second["labels"]) == (first["id"], {"book": "42"})
    assert resources.stores.work.stat(cover_key(second["id"])) is not None
    with session_scope(resources.database) as session:
        row = session.get(Job, second["id"])
        assert row is not None
        assert (row.gain_db, row.is_gain_kept, row.voice) == (2.5, True, "default")
    links = client.get(first["urls"]["revisions"]).json()
    assert (links["revision_of"], links["revised_by"]) == (None, [second["id"]])
    assert client.get(second["urls"]["revisions"]).json()["revision_of"] == first["id"]


def test_document_may_be_sent_as_a_file(client: TestClient) -> None:
    path = submit(client)["urls"]["self"]
    files = {"file": ("book.md", b"# One\n\nIt was a dark cold day.")}
    answer = client.post(f"{path}/revisions", files=files)
    assert answer.json()["source"]["name"] == "book.md"


def test_changed_text_is_sent_again_without_harm(client: TestClient) -> None:
    path, other = (submit(client)["urls"]["self"] for _ in range(2))
    key = {"Idempotency-Key": "again"}
    first, second = revise(client, path, **key), revise(client, path, **key)
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["idempotency-replayed"] == "true"
    assert revise(client, other, **key).json()["code"] == "idempotency_conflict"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"json": {"text": ""}}, 422),
        ({"json": {"text": "a", "voice": "default"}}, 422),
        ({"content": b"a", "headers": {"Content-Type": "text/plain"}}, 415),
    ],
)
def test_revision_that_makes_no_sense_is_refused(
    client: TestClient, body: dict[str, object], status: int
) -> None:
    path = submit(client)["urls"]["self"]
    assert client.post(f"{path}/revisions", **body).status_code == status  # type: ignore[arg-type]
    assert client.get(f"{path}/revisions").json()["revised_by"] == []
