"""Uploads over HTTP: create, put, and use by id in a job or a plan."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.deps import Resources
from narration.broker.interface import Task
from narration.clock import utc_now
from narration.sweeper import Sweeper
from tests.unit.api.conftest import NotingBroker
from tests.unit.api.routes.jobs import BIG, stored_files

BOOK = b"# One\n\nIt rained.\n\n# Two\n\nIt snowed.\n"


def announce(client: TestClient, data: bytes = BOOK, name: str = "book.md") -> dict[str, Any]:
    answer = client.post("/v1/uploads", json={"name": name, "size_bytes": len(data)})
    assert answer.status_code == HTTPStatus.CREATED, answer.text
    assert answer.headers["location"] == f"/v1/uploads/{answer.json()['id']}"
    upload: dict[str, Any] = answer.json()
    return upload


def put(client: TestClient, upload: dict[str, Any], data: bytes = BOOK) -> None:
    answer = client.request(upload["method"], upload["url"], content=data)
    assert answer.status_code == HTTPStatus.NO_CONTENT, answer.text


def sweep(resources: Resources, later: timedelta) -> None:
    Sweeper(
        database=resources.database,
        stores=resources.stores,
        broker=resources.broker,
        settings=resources.settings.sweeper,
        clock=lambda: utc_now() + later,
    ).purge()


def test_an_upload_becomes_a_job(
    client: TestClient, resources: Resources, broker: NotingBroker
) -> None:
    upload = announce(client, BIG, "big.txt")
    assert upload["url"] == f"/v1/uploads/{upload['id']}"  # a directory has no URLs of its own
    assert client.get(upload["url"]).json() == upload
    put(client, upload, BIG)
    answer = client.post("/v1/jobs", json={"upload": upload["id"], "outputs": ["mp3"]})
    job = answer.json()
    assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
    assert (job["source"]["name"], job["source"]["size_bytes"]) == ("big.txt", len(BIG))
    assert job["settings"]["outputs"] == ["mp3"]
    assert broker.sent == [(Task.PLAN, job["id"])]
    assert [job["id"] in str(path) for path in stored_files(resources)] == [True]


def test_an_upload_becomes_a_plan_with_the_format_of_its_name(client: TestClient) -> None:
    upload = announce(client)
    put(client, upload)
    plan = client.post("/v1/plans", json={"upload": upload["id"]}).json()
    assert [chapter["title"] for chapter in plan["chapters"]] == ["One", "Two"]
    assert plan["source"]["media_type"] == "text/markdown"


def test_an_upload_is_submitted_once_and_a_repeated_request_finds_its_job(
    client: TestClient,
) -> None:
    upload = announce(client)
    put(client, upload)
    asked: dict[str, Any] = {
        "json": {"upload": upload["id"]},
        "headers": {"Idempotency-Key": "once"},
    }
    first = client.post("/v1/jobs", **asked).json()
    assert client.post("/v1/jobs", **asked).json()["id"] == first["id"]
    again = client.post("/v1/jobs", json={"upload": upload["id"]})
    assert "submitted already" in again.json()["errors"][0]["detail"]
    assert client.get(upload["url"]).status_code == HTTPStatus.NOT_FOUND


def test_what_was_refused_can_be_put_and_submitted_again(client: TestClient) -> None:
    upload = announce(client, b"PK\x03\x04 no!", "a.epub")
    for data in (b"", b"PK"):
        refused = client.put(upload["url"], content=data)
        assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    early = client.post("/v1/jobs", json={"upload": upload["id"]})
    assert "nothing was uploaded" in early.json()["errors"][0]["detail"]
    put(client, upload, b"PK\x03\x04 no!")
    for _ in range(2):
        broken = client.post("/v1/jobs", json={"upload": upload["id"]})
        assert broken.json()["code"] == "document_invalid"


def test_a_store_that_holds_another_size_than_announced_is_noticed(
    client: TestClient, resources: Resources
) -> None:
    upload = announce(client)
    resources.stores.work.put(f"sources/{upload['id']}/document", b"less")
    refused = client.post("/v1/jobs", json={"upload": upload["id"]})
    assert "4 bytes" in refused.json()["errors"][0]["detail"]


def test_more_than_was_announced_is_not_read(client: TestClient) -> None:
    upload = announce(client)
    answer = client.put(upload["url"], content=BOOK * 2)
    assert answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    detail = answer.json()["detail"]
    assert f"more than {len(BOOK)} bytes: as many were announced" in detail
    assert "announce this one with its own size" in detail


@pytest.mark.parametrize(
    "body",
    [
        {"name": "a/b.txt", "size_bytes": 1},
        {"name": "..", "size_bytes": 1},
        {"name": "a\\b", "size_bytes": 1},
        {"name": "", "size_bytes": 1},
        {"name": "x" * 256, "size_bytes": 1},
        {"name": "a\nb", "size_bytes": 1},
        {"name": "a.txt", "size_bytes": 0},
        {"name": "a.txt", "size_bytes": -1},
        {"name": "a.txt", "size_bytes": 2**40},
        {"name": "a.txt", "size_bytes": "1"},
        {"name": "a.txt"},
        {"name": "a.txt", "size_bytes": 1, "url": "https://example.com/book.epub"},
    ],
)
def test_what_makes_no_sense_is_not_announced(client: TestClient, body: dict[str, Any]) -> None:
    answer = client.post("/v1/uploads", json=body)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.parametrize(
    "more", [{"text": "Hello."}, {"plan": f"plan_{'0' * 26}"}, {"format": "markdown"}]
)
def test_an_upload_takes_the_place_of_the_text(client: TestClient, more: dict[str, str]) -> None:
    upload = announce(client)
    answer = client.post("/v1/jobs", json={"upload": upload["id"], **more})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_an_owner_has_a_bounded_number_of_uploads_and_is_told_which_wait(limited: Any) -> None:
    with limited(limits={"uploads": 2}) as client:
        oldest, other = announce(client), announce(client)
        refused = client.post("/v1/uploads", json={"name": "b.txt", "size_bytes": 1})
        assert refused.status_code == HTTPStatus.CONFLICT
        detail = refused.json()["detail"]
        assert f"{oldest['id']} ('book.md')" in detail
        assert "delete some of those that GET /v1/uploads lists" in detail
        put(client, oldest)
        client.post("/v1/jobs", json={"upload": oldest["id"]})
        announce(client)
        assert client.delete(f"/v1/uploads/{other['id']}").status_code == HTTPStatus.NO_CONTENT
        announce(client)


def test_what_waits_is_listed_page_by_page_newest_first_and_without_urls(
    client: TestClient,
) -> None:
    made = [announce(client, name=f"{number}.md") for number in range(3)]
    put(client, made[0])
    submitted, deleted = announce(client), announce(client)
    put(client, submitted)
    client.post("/v1/jobs", json={"upload": submitted["id"]})
    client.delete(f"/v1/uploads/{deleted['id']}")
    first = client.get("/v1/uploads", params={"limit": 2})
    assert [upload["name"] for upload in first.json()["items"]] == ["2.md", "1.md"]
    assert "url" not in first.text
    assert f"cursor={made[1]['id']}" in first.headers["link"]
    rest = client.get("/v1/uploads", params={"cursor": first.json()["next_cursor"]}).json()
    assert ([upload["id"] for upload in rest["items"]], rest["next_cursor"]) == (
        [made[0]["id"]],
        None,
    )


def test_a_deleted_upload_is_gone_with_what_was_put_to_it(
    client: TestClient, resources: Resources
) -> None:
    upload = announce(client)
    put(client, upload)
    assert len(stored_files(resources)) == 1
    assert client.delete(upload["url"]).status_code == HTTPStatus.NO_CONTENT
    assert stored_files(resources) == []
    for again in (client.get, client.delete):
        assert again(upload["url"]).status_code == HTTPStatus.NOT_FOUND
    assert client.put(upload["url"], content=BOOK).status_code == HTTPStatus.NOT_FOUND
    refused = client.post("/v1/jobs", json={"upload": upload["id"]})
    assert "submitted already, or deleted" in refused.json()["errors"][0]["detail"]


def test_what_a_url_writes_after_its_upload_was_deleted_goes_once_the_url_is_over(
    client: TestClient, resources: Resources
) -> None:
    upload = announce(client)
    client.delete(upload["url"])
    resources.stores.work.put(f"sources/{upload['id']}/document", BOOK)  # by a signed URL
    over_s = resources.settings.storage.presign_s
    for later_s, left in ((over_s - 60, 1), (over_s + 60, 0)):
        sweep(resources, timedelta(seconds=later_s))
        assert len(stored_files(resources)) == left


def test_what_was_never_submitted_goes_after_a_day(
    client: TestClient, resources: Resources
) -> None:
    upload = announce(client)
    put(client, upload)
    assert len(stored_files(resources)) == 1
    sweep(resources, timedelta(days=1, seconds=1))
    assert stored_files(resources) == []
    assert client.get(upload["url"]).status_code == HTTPStatus.NOT_FOUND
