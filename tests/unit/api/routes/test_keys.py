"""Keys are made, listed and revoked over HTTP by whoever has the scope admin."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.deps import Resources
from narration.clock import utc_now
from narration.keys.scopes import Scope
from tests.unit.api.conftest import LimitedClients
from tests.unit.api.keys import bearer, make


@pytest.fixture
def admin(client: TestClient, resources: Resources) -> TestClient:
    """A client whose key has only the scope admin."""
    client.headers.update(bearer(make(resources, Scope.ADMIN, owner="root", name="root")))
    return client


def test_an_admin_makes_a_key_for_another_owner(admin: TestClient) -> None:
    form = {"name": "ci", "owner": "bob", "scopes": ["read"], "limits": {"streams": 2}}
    answer = admin.post("/v1/keys", json=form)
    assert answer.status_code == HTTPStatus.CREATED
    assert answer.headers["cache-control"] == "no-store"
    key, secret = answer.json()["key"], answer.json()["secret"]
    assert (key["owner"], key["scopes"], key["limits"]["streams"]) == ("bob", ["read"], 2)
    headers = {"Authorization": f"Bearer {secret}"}
    assert admin.get("/v1/jobs", headers=headers).status_code == HTTPStatus.OK
    listed = admin.get("/v1/keys")
    assert secret not in listed.text
    assert [item["name"] for item in listed.json()["items"]] == ["ci", "root"]


def test_a_key_is_the_callers_own_and_does_the_usual_by_default(admin: TestClient) -> None:
    key = admin.post("/v1/keys", json={"name": "mine"}).json()["key"]
    assert (key["owner"], key["scopes"]) == ("root", ["submit", "read", "voices"])
    assert set(key["limits"].values()) == {None}


def test_a_revoked_key_is_refused_at_once_where_it_was_revoked(admin: TestClient) -> None:
    created = admin.post("/v1/keys", json={"name": "ci"}).json()
    headers = {"Authorization": f"Bearer {created['secret']}"}
    assert admin.get("/v1/jobs", headers=headers).status_code == HTTPStatus.OK
    for _ in range(2):
        gone = admin.delete(f"/v1/keys/{created['key']['id']}")
        assert gone.status_code == HTTPStatus.NO_CONTENT
    assert admin.get("/v1/jobs", headers=headers).json()["code"] == "key_revoked"
    assert admin.get("/v1/keys").json()["items"][0]["revoked_at"] is not None


def test_keys_are_listed_page_by_page_and_by_owner(admin: TestClient) -> None:
    for number in range(3):
        admin.post("/v1/keys", json={"name": str(number), "owner": "bob"})
    first = admin.get("/v1/keys?owner=bob&limit=2")
    names = [item["name"] for item in first.json()["items"]]
    rest = admin.get(first.links["next"]["url"]).json()
    assert [*names, *(item["name"] for item in rest["items"])] == ["2", "1", "0"]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("form", "pointer"),
    [
        ({}, "/name"),
        ({"name": "a", "nmae": "b"}, "/nmae"),
        ({"name": "a\x00"}, "/name"),
        ({"name": "a", "owner": "a/b"}, "/owner"),
        ({"name": "a", "scopes": []}, "/scopes"),
        ({"name": "a", "scopes": ["root"]}, "/scopes/0"),
        ({"name": "a", "limits": {"streams": 0}}, "/limits/streams"),
        ({"name": "a", "limits": {"streams": "5"}}, "/limits/streams"),
        ({"name": "a", "limits": {"streams": True}}, "/limits/streams"),
        ({"name": "a", "limits": {"queued_jobs": 2**31}}, "/limits/queued_jobs"),
        ({"name": "a", "limits": {"jobs": 1}}, "/limits/jobs"),
        ({"name": "a", "expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"name": "a", "expires_at": 5}, "/expires_at"),
    ],
)
def test_a_form_that_makes_no_sense_is_refused(
    admin: TestClient, form: dict[str, Any], pointer: str
) -> None:
    answer = admin.post("/v1/keys", json=form)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_a_key_that_is_not_there_cannot_be_revoked(admin: TestClient) -> None:
    answer = admin.delete(f"/v1/keys/key_{'0' * 26}")
    assert answer.json()["code"] == "not_found"


def test_a_key_expires_when_it_was_told_to(admin: TestClient) -> None:
    soon = utc_now() + timedelta(days=1)
    created = admin.post("/v1/keys", json={"name": "a", "expires_at": soon.isoformat()}).json()
    assert created["key"]["expires_at"].startswith(f"{soon:%Y-%m-%dT%H:%M}")


def test_nobody_makes_the_first_key_of_an_open_server_over_http(client: TestClient) -> None:
    answer = client.post("/v1/keys", json={"name": "mine", "scopes": ["admin"]})
    assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.FORBIDDEN, "scope_missing")


def test_an_admin_of_the_environment_makes_the_first_key(limited: LimitedClients) -> None:
    with limited(api={"keys": {"ann": "sesame"}, "admins": "ann"}) as client:
        headers = {"Authorization": "Bearer sesame"}
        created = client.post("/v1/keys", json={"name": "a"}, headers=headers)
        assert created.json()["key"]["owner"] == "ann"
