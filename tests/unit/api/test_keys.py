"""Keys from the database allow what their scopes say, until they expire or are revoked."""

import time
from datetime import timedelta
from http import HTTPStatus

import pytest
from fastapi.testclient import TestClient

from api.deps import Resources
from api.keybook import CACHED_S
from api.sessions import COOKIE
from narration.clock import utc_now
from narration.database import session_scope
from narration.keys.lookup import find_key
from narration.keys.scopes import Scope
from tests.cluster import wait_for
from tests.unit.api.conftest import LimitedClients
from tests.unit.api.keys import SAME_SITE, bearer, make, revoke
from tests.unit.api.routes.jobs import submit

HOOK = {"url": "https://example.com/hooks"}
NOWHERE = f"job_{'0' * 26}"


def test_a_server_is_open_until_the_first_key_was_made(
    client: TestClient, resources: Resources
) -> None:
    assert client.get("/v1/jobs").status_code == HTTPStatus.OK
    assert client.get("/v1/session").json() == {"owner": "local", "requires_key": False}
    made = make(resources)
    time.sleep(CACHED_S)
    assert client.get("/v1/jobs").status_code == HTTPStatus.UNAUTHORIZED
    assert client.get("/v1/session").json() == {"owner": None, "requires_key": True}
    revoke(resources, made)
    time.sleep(CACHED_S)
    assert client.get("/v1/jobs").json()["code"] == "unauthorized"


def test_a_key_opens_what_its_owner_has(client: TestClient, resources: Resources) -> None:
    ann, other, bob = make(resources), make(resources), make(resources, owner="bob")
    job = client.post("/v1/jobs", json={"text": "Hello."}, headers=bearer(ann)).json()
    path = f"/v1/jobs/{job['id']}"
    assert client.get(path, headers=bearer(other)).status_code == HTTPStatus.OK
    assert client.get(path, headers=bearer(bob)).json()["code"] == "not_found"


def test_keys_of_the_environment_go_on_working(
    limited: LimitedClients, resources: Resources
) -> None:
    made = make(resources)
    with limited(api={"keys": {"ben": "sesame"}}) as client:
        for headers in ({"Authorization": "Bearer sesame"}, bearer(made)):
            assert client.get("/v1/jobs", headers=headers).status_code == HTTPStatus.OK


@pytest.mark.parametrize(
    "secret", ["", "x", "rhapsode_key_", f"rhapsode_key_{'0' * 52}", f"rhapsode_session_{'0' * 52}"]
)
def test_an_unknown_secret_opens_nothing(
    client: TestClient, resources: Resources, secret: str
) -> None:
    make(resources)
    answer = client.get("/v1/jobs", headers={"Authorization": f"Bearer {secret}"})
    assert answer.json()["code"] == "unauthorized"
    client.cookies.set(COOKIE, secret)
    assert client.get("/v1/jobs").json()["code"] == "unauthorized"


def test_a_revoked_key_is_refused_within_a_second(client: TestClient, resources: Resources) -> None:
    made = make(resources)
    assert client.get("/v1/jobs", headers=bearer(made)).status_code == HTTPStatus.OK
    revoke(resources, made)
    time.sleep(CACHED_S)
    answer = client.get("/v1/jobs", headers=bearer(made))
    assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.UNAUTHORIZED, "key_revoked")
    assert "rhapsode keys create" in answer.json()["what_now"]


def test_an_expired_key_says_so(client: TestClient, resources: Resources) -> None:
    before = utc_now() - timedelta(minutes=1)
    made = make(resources, ago=timedelta(hours=1), expires_at=before)
    answer = client.get("/v1/jobs", headers=bearer(made))
    assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.UNAUTHORIZED, "key_expired")


def test_last_use_is_noted_beside_the_answer(client: TestClient, resources: Resources) -> None:
    made = make(resources)
    client.get("/v1/jobs", headers=bearer(made))

    def is_noted() -> bool:
        with session_scope(resources.database, is_read_only=True) as session:
            key = find_key(session, made.secret)
            return key is not None and key.last_used_at is not None

    wait_for(is_noted, 10, "the note of the use")


def test_a_browser_signs_in_with_a_key_and_out_for_good(
    client: TestClient, resources: Resources
) -> None:
    made = make(resources)
    signed_in = client.post("/v1/session", json={"key": made.secret}, headers=SAME_SITE)
    assert signed_in.json() == {"owner": "ann", "requires_key": True}
    cookie = client.cookies[COOKIE]
    assert made.secret not in cookie
    assert client.get("/v1/jobs").status_code == HTTPStatus.OK
    assert submit_from_page(client) == HTTPStatus.ACCEPTED
    assert client.post("/v1/jobs", json={"text": "Hello."}).json()["code"] == "forbidden"
    assert client.delete("/v1/session", headers=SAME_SITE).status_code == HTTPStatus.NO_CONTENT
    client.cookies.set(COOKIE, cookie)  # a copy of it was kept
    assert client.get("/v1/jobs").json()["code"] == "unauthorized"


def test_revoking_a_key_signs_its_browsers_out(client: TestClient, resources: Resources) -> None:
    made = make(resources)
    client.post("/v1/session", json={"key": made.secret}, headers=SAME_SITE)
    assert client.get("/v1/session").json()["owner"] == "ann"
    revoke(resources, made)
    time.sleep(CACHED_S)
    assert client.get("/v1/jobs").json()["code"] == "unauthorized"
    assert client.get("/v1/session").json()["owner"] is None
    again = client.post("/v1/session", json={"key": made.secret}, headers=SAME_SITE)
    assert again.json()["code"] == "key_revoked"


def submit_from_page(client: TestClient) -> int:
    return client.post("/v1/jobs", json={"text": "Hello."}, headers=SAME_SITE).status_code


def test_a_signed_url_ends_with_the_key_that_made_it(
    client: TestClient, resources: Resources
) -> None:
    made, other = make(resources), make(resources)
    client.headers.update(bearer(made))
    listen = submit(client)["urls"]["listen"]
    del client.headers["Authorization"]
    assert client.get(listen).json()["code"] == "nothing_spoken"
    path = listen.partition("?")[0].removesuffix("/listen.m3u8")
    assert client.get(f"{path}/artifacts/a?{listen.partition('?')[2]}").json()["code"] == (
        "signature_invalid"
    )
    revoke(resources, other)
    time.sleep(CACHED_S)
    assert client.get(listen).json()["code"] == "nothing_spoken"
    revoke(resources, made)
    time.sleep(CACHED_S)
    assert client.get(listen).json()["code"] == "signature_invalid"


def test_a_key_that_may_not_read_is_given_no_signed_urls(
    client: TestClient, resources: Resources
) -> None:
    made = make(resources, Scope.SUBMIT)
    client.headers.update(bearer(made))
    job = submit(client)
    assert "?" not in job["urls"]["listen"]
    assert client.get(job["urls"]["listen"]).json()["code"] == "scope_missing"


def test_only_a_key_that_may_read_has_events_sent_somewhere_and_is_named(
    client: TestClient, resources: Resources
) -> None:
    both, submitting = make(resources, Scope.SUBMIT, Scope.READ), make(resources, Scope.SUBMIT)
    client.headers.update(bearer(both))
    webhook = client.post("/v1/webhooks", json=HOOK).json()
    assert webhook["key_id"] == both.key.id
    assert client.get(f"/v1/webhooks/{webhook['id']}").json()["key_id"] == both.key.id
    client.headers.update(bearer(submitting))
    for refused in (
        client.post("/v1/webhooks", json=HOOK),
        client.patch(f"/v1/webhooks/{webhook['id']}", json={"url": "https://example.org/"}),
    ):
        assert refused.json()["code"] == "scope_missing"
        assert "'read'" in refused.json()["detail"]
