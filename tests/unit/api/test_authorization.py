"""Every call requires the scope in docs/authorization.md, for every kind of caller."""

import runpy
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.deps import Resources
from narration.keys.scopes import USUAL_SCOPES, Scope
from tests.unit.api.conftest import LimitedClients
from tests.unit.api.keys import SAME_SITE, bearer, make

ROOT = Path(__file__).parents[3]
MATRIX: dict[str, Any] = runpy.run_path(str(ROOT / ".ci" / "authorization.py"))
ROWS = [(method, path, access) for method, path, access in MATRIX["rows"]()]
OWNED = [row for row in ROWS if row[1].startswith("/v1/") and row[1] != "/v1/session"]
PLACES = {"{job_id}": f"job_{'0' * 26}", "{voice_id}": f"voice_{'0' * 26}", "{index}": "0"}
PLACES |= {"{plan_id}": f"plan_{'0' * 26}", "{segment}": "0-0.m4s", "{name}": "audio.mp3"}
PLACES |= {"{key_id}": f"key_{'0' * 26}"}
REFUSALS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


def ask(client: TestClient, method: str, path: str, headers: dict[str, str]) -> Any:
    for placeholder, value in PLACES.items():
        path = path.replace(placeholder, value)
    # HEAD instead of GET: it is answered the same way, and streams do not stay open.
    return client.request("HEAD" if method == "GET" else method, path, headers=headers)


def test_the_page_is_what_the_routes_demand() -> None:
    page = (ROOT / "docs" / "authorization.md").read_text(encoding="utf-8")
    assert page == MATRIX["page"](), "run `make authorization`"


def test_every_call_of_owners_demands_something() -> None:
    assert len(OWNED) >= 30
    assert [row for row in OWNED if row[2] is None] == []


@pytest.mark.parametrize(("method", "path", "access"), OWNED)
def test_a_call_wants_its_scope_and_no_other(
    client: TestClient, resources: Resources, method: str, path: str, access: Any
) -> None:
    assert ask(client, method, path, bearer(make(resources))) is not None  # the first key is made
    for scope in access.scopes:
        without = make(resources, *(set(Scope) - {scope}))
        answer = ask(client, method, path, bearer(without))
        assert answer.status_code == HTTPStatus.FORBIDDEN
        if method != "GET":
            assert answer.json()["code"] == "scope_missing"
            assert f"'{scope}'" in answer.json()["detail"]
    alone = make(resources, *(access.scopes or [Scope.VOICES]))
    assert ask(client, method, path, bearer(alone)).status_code not in REFUSALS
    assert ask(client, method, path, {}).status_code == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize(("method", "path", "access"), OWNED)
def test_keys_of_the_environment_may_do_the_usual(
    limited: LimitedClients, method: str, path: str, access: Any
) -> None:
    keys = {"ann": "one", "bob": "two"}
    with limited(api={"keys": keys, "admins": "bob"}) as client:
        usual, admin = (
            ask(client, method, path, {"Authorization": f"Bearer {key}"}).status_code in REFUSALS
            for key in keys.values()
        )
    assert usual == (not USUAL_SCOPES.issuperset(access.scopes))
    assert not admin


def test_a_browser_has_the_scopes_of_its_key(client: TestClient, resources: Resources) -> None:
    made = make(resources, Scope.READ)
    client.post("/v1/session", json={"key": made.secret}, headers=SAME_SITE)
    assert client.get("/v1/jobs").status_code == HTTPStatus.OK
    answer = client.post("/v1/jobs", json={"text": "Hello."}, headers=SAME_SITE)
    assert answer.json()["code"] == "scope_missing"
