"""Webhooks over HTTP: create, change, rotate, test, inspect, replay, delete."""

from http import HTTPStatus
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.deps import Resources
from narration.broker.interface import Task
from narration.clock import utc_now
from narration.webhooks.feed import make_deliveries
from narration.webhooks.messages import JOB_TYPES
from tests.contracts.webhooks import FAILED, TAKEN, attempt, claim
from tests.unit.api.conftest import NotingBroker
from tests.unit.api.routes.jobs import submit

URL = "https://example.com/hooks"


def make(client: TestClient, **values: Any) -> dict[str, Any]:
    answer = client.post("/v1/webhooks", json={"url": URL, **values})
    assert answer.status_code == HTTPStatus.CREATED, answer.text
    assert answer.headers["location"] == f"/v1/webhooks/{answer.json()['id']}"
    assert answer.headers["cache-control"] == "no-store"
    webhook: dict[str, Any] = answer.json()
    return webhook


def at(webhook: dict[str, Any], rest: str = "") -> str:
    return f"/v1/webhooks/{webhook['id']}{rest}"


def tell(resources: Resources) -> None:
    make_deliveries(resources.database, utc_now)


def test_a_secret_is_shown_once(client: TestClient) -> None:
    made = make(client, description="shop")
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert made["types"] == list(JOB_TYPES)
    assert client.get(at(made)).json() == made
    assert client.get("/v1/webhooks").json() == {"items": [made]}
    for call in ("", "/deliveries"):
        assert secret not in client.get(at(made, call)).text


def test_a_rotated_secret_is_shown_once_and_the_old_one_stays_for_a_while(
    client: TestClient,
) -> None:
    made = make(client)
    rotated = client.post(at(made, "/rotate")).json()
    assert rotated["secret"] != made["secret"]
    assert rotated["previous_secret_until"] > rotated["created_at"]
    at_once = client.post(at(made, "/rotate"), json={"overlap_s": 0}).json()
    assert at_once["previous_secret_until"] is None
    assert "secret" not in client.get(at(made)).json()


@pytest.mark.parametrize(
    "values",
    [
        {"url": "https://127.0.0.1/"},
        {"url": "http://example.com/"},
        {"url": "https://example.com/\r\nX: y"},
        {"url": "https://metadata@169.254.169.254/"},
        {"url": ""},
        {"url": None},
        {"types": []},
        {"types": ["job.exploded"]},
        {"types": "job.queued"},
        {"description": "x" * 256},
        {"description": "two\nlines"},
        {"secret": "whsec_mine"},
        {"is_disabled": False},
    ],
)
def test_what_makes_no_sense_is_refused(client: TestClient, values: dict[str, Any]) -> None:
    answer = client.post("/v1/webhooks", json={"url": URL, **values})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["errors"][0]["pointer"].startswith(f"/{next(iter(values))}")
    assert client.get("/v1/webhooks").json() == {"items": []}


def test_a_network_that_was_named_is_taken(limited: Any) -> None:
    with limited(webhooks={"allowed_networks": "10.0.0.0/8"}) as client:
        make(client, url="http://10.1.2.3:8080/")
        make(client, url="http://receiver.internal/")
        refused = client.post("/v1/webhooks", json={"url": "http://192.168.0.1/"})
        assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_an_owner_has_a_bounded_number_of_webhooks(limited: Any) -> None:
    with limited(webhooks={"endpoints": 2}) as client:
        first = make(client)
        make(client)
        refused = client.post("/v1/webhooks", json={"url": URL})
        assert refused.status_code == HTTPStatus.CONFLICT
        assert client.delete(at(first)).status_code == HTTPStatus.NO_CONTENT
        make(client)


def test_what_is_left_out_of_a_change_stays(client: TestClient) -> None:
    made = make(client, types=["job.failed", "job.failed"], description="shop")
    changed = client.patch(at(made), json={"url": "https://example.org/"}).json()
    assert (changed["url"], changed["types"]) == ("https://example.org/", ["job.failed"])
    assert changed["description"] == "shop"
    for patch in ({"url": "https://10.0.0.1/"}, {"types": []}, {"is_disabled": 1}, {"id": "x"}):
        refused = client.patch(at(made), json=patch)
        assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, patch
    assert client.get(at(made)).json() == changed


def test_a_test_call_is_sent_at_once_and_takes_the_place_of_one_that_failed(
    client: TestClient, broker: NotingBroker, resources: Resources
) -> None:
    made = make(client)
    answer = client.post(at(made, "/test"))
    assert answer.status_code == HTTPStatus.ACCEPTED
    assert (answer.json()["type"], answer.json()["job_id"]) == ("webhook.test", None)
    assert broker.sent == [(Task.NOTIFY,)]
    attempt(resources.database, FAILED, utc_now())
    assert client.get(answer.headers["location"]).json()["state"] == "pending"  # tried for a day
    again = client.post(at(made, "/test"))
    assert again.status_code == HTTPStatus.ACCEPTED
    given_up = client.get(answer.headers["location"]).json()
    assert (given_up["state"], given_up["next_attempt_at"]) == ("failed", None)
    assert given_up["error"] == FAILED.error
    attempt(resources.database, TAKEN, utc_now())
    delivery = client.get(again.headers["location"]).json()
    assert (delivery["state"], delivery["status_code"]) == ("delivered", 200)


def test_no_test_call_overtakes_one_that_is_being_sent(
    client: TestClient, resources: Resources
) -> None:
    made = make(client)
    client.post(at(made, "/test"))
    assert claim(resources.database, utc_now()) is not None
    refused = client.post(at(made, "/test"))
    assert refused.status_code == HTTPStatus.CONFLICT
    assert "is being sent at this moment" in refused.json()["detail"]


def test_deliveries_are_listed_page_by_page_and_by_state(
    client: TestClient, resources: Resources
) -> None:
    made = make(client)
    jobs = {submit(client)["id"] for _ in range(5)}
    tell(resources)
    attempt(resources.database, TAKEN, utc_now())
    first = client.get(at(made, "/deliveries"), params={"limit": 3})
    assert 'rel="next"' in first.headers["link"]
    rest = client.get(first.links["next"]["url"]).json()
    items = first.json()["items"] + rest["items"]
    assert rest["next_cursor"] is None
    assert {item["job_id"] for item in items} == jobs
    assert [item["id"] for item in items] == sorted((i["id"] for i in items), reverse=True)
    taken = client.get(at(made, "/deliveries"), params={"state": "delivered"}).json()["items"]
    assert [item["attempts"] for item in taken] == [1]


def test_a_message_is_replayed_when_it_is_not_being_sent(
    client: TestClient, resources: Resources, broker: NotingBroker
) -> None:
    made = make(client, types=["job.queued"])
    submit(client)
    tell(resources)
    attempt(resources.database, TAKEN, utc_now())
    (delivery,) = client.get(at(made, "/deliveries")).json()["items"]
    broker.sent.clear()
    replayed = client.post(at(made, f"/deliveries/{delivery['id']}/replay"))
    assert replayed.status_code == HTTPStatus.ACCEPTED
    assert (replayed.json()["state"], replayed.json()["id"]) == ("pending", delivery["id"])
    assert broker.sent == [(Task.NOTIFY,)]


def test_a_webhook_that_is_disabled_sends_nothing(client: TestClient, resources: Resources) -> None:
    made = make(client)
    submit(client)
    tell(resources)
    disabled = client.patch(at(made), json={"is_disabled": True}).json()
    assert (disabled["is_disabled"], disabled["disabled_reason"]) == (True, "by_owner")
    (delivery,) = client.get(at(made, "/deliveries")).json()["items"]
    assert (delivery["state"], delivery["error"]) == ("failed", "the webhook was disabled")
    for call in ("/test", f"/deliveries/{delivery['id']}/replay"):
        assert client.post(at(made, call)).status_code == HTTPStatus.CONFLICT
    enabled = client.patch(at(made), json={"is_disabled": False}).json()
    assert (enabled["is_disabled"], enabled["disabled_reason"]) == (False, None)
    replay = client.post(at(made, f"/deliveries/{delivery['id']}/replay"))
    assert replay.status_code == HTTPStatus.ACCEPTED


def test_a_deleted_webhook_is_gone_with_its_log(client: TestClient, resources: Resources) -> None:
    made = make(client)
    submit(client)
    tell(resources)
    assert client.delete(at(made)).status_code == HTTPStatus.NO_CONTENT
    for call in ("", "/deliveries"):
        assert client.get(at(made, call)).status_code == HTTPStatus.NOT_FOUND
    assert client.delete(at(made)).status_code == HTTPStatus.NOT_FOUND


def test_a_delivery_is_found_at_its_own_webhook_only(
    client: TestClient, resources: Resources
) -> None:
    made, other = make(client, types=["job.queued"]), make(client, types=["job.failed"])
    submit(client)
    tell(resources)
    (delivery,) = client.get(at(made, "/deliveries")).json()["items"]
    path = f"/deliveries/{delivery['id']}"
    assert client.get(at(made, path)).is_success
    assert client.get(at(other, path)).status_code == HTTPStatus.NOT_FOUND
    assert client.post(at(other, f"{path}/replay")).status_code == HTTPStatus.NOT_FOUND
