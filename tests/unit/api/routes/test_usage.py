from http import HTTPStatus
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.deps import Resources
from narration.clock import utc_now
from narration.keys.scopes import Scope
from tests.unit.api.keys import bearer, make
from tests.unit.api.routes.jobs import submit


@pytest.fixture
def keyed(client: TestClient, resources: Resources) -> TestClient:
    """A client with ann's key `ci`, which has submitted two jobs; bob's key has submitted one."""
    for owner, count in (("bob", 1), ("ann", 2)):
        client.headers.update(bearer(make(resources, owner=owner)))
        for _ in range(count):
            submit(client)
    return client


def told(client: TestClient, path: str = "/v1/usage", **headers: str) -> list[Any]:
    items = client.get(path, headers=headers).json()["items"]
    return [(item["owner"], item["key_name"], item["jobs"]) for item in items]


def test_an_owner_sees_what_their_keys_used(keyed: TestClient) -> None:
    assert told(keyed) == [("ann", "ci", 2)]
    assert keyed.get("/v1/usage").json()["items"][0]["day"] == f"{utc_now():%Y-%m-%d}"


def test_one_owner_and_all_of_them_are_two_questions(keyed: TestClient) -> None:
    answer = keyed.get("/v1/usage?owner=ann&all_owners=true")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/owner")


def test_what_others_used_is_for_admins(keyed: TestClient, resources: Resources) -> None:
    for query in ("owner=bob", "all_owners=true"):
        assert keyed.get(f"/v1/usage?{query}").json()["code"] == "scope_missing"
    assert told(keyed, "/v1/usage?owner=ann") == [("ann", "ci", 2)]
    admin = bearer(make(resources, Scope.READ, Scope.ADMIN, owner="root"))
    assert told(keyed, "/v1/usage?owner=bob", **admin) == [("bob", "ci", 1)]
    assert told(keyed, "/v1/usage?all_owners=true", **admin) == [("ann", "ci", 2), ("bob", "ci", 1)]


@pytest.mark.parametrize(
    "query",
    [
        "first_day=2026-01-01&last_day=2025-01-01",
        "first_day=2020-01-01&last_day=2026-01-01",
        "first_day=yesterday",
        "first_day=5",
        "last_day=0001-01-01",
        "days=3",
    ],
)
def test_days_that_make_no_sense_are_refused(keyed: TestClient, query: str) -> None:
    answer = keyed.get(f"/v1/usage?{query}")
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
