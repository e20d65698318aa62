"""A browser signs in once with a key; its cookie is safe from scripts, other sites and forgery."""

from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from api.sessions import COOKIE, LASTS_S, issue_token, owner_of_token
from narration.clock import utc_now
from tests.unit.api.conftest import LimitedClients

KEYS = {"anna": SecretStr("open sesame"), "ben.b": SecretStr("other")}
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def browser(limited: LimitedClients) -> Iterator[TestClient]:
    with limited(api={"keys": {"anna": "open sesame"}}) as client:
        yield client


def sign_in(browser: TestClient, key: str = "open sesame", **headers: str) -> int:
    answer = browser.post("/v1/session", json={"key": key}, headers=SAME_SITE | headers)
    return answer.status_code


def test_a_browser_that_signed_in_needs_no_key_any_more(browser: TestClient) -> None:
    assert browser.get("/v1/jobs").status_code == HTTPStatus.UNAUTHORIZED
    assert sign_in(browser) == HTTPStatus.OK
    assert browser.get("/v1/jobs").status_code == HTTPStatus.OK
    assert browser.get("/v1/session").json() == {"owner": "anna", "requires_key": True}


def test_the_cookie_is_hidden_from_scripts_and_other_sites(browser: TestClient) -> None:
    cookie = browser.post("/v1/session", json={"key": "open sesame"}).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert "open sesame" not in cookie


def test_over_https_the_cookie_never_travels_in_the_clear(browser: TestClient) -> None:
    url = "https://testserver/v1/session"
    assert "Secure" in browser.post(url, json={"key": "open sesame"}).headers["set-cookie"]


def test_a_wrong_key_signs_nobody_in(browser: TestClient) -> None:
    assert sign_in(browser, "sesame") == HTTPStatus.UNAUTHORIZED
    assert browser.get("/v1/session").json() == {"owner": None, "requires_key": True}


def test_a_sign_in_that_has_ended_says_so(browser: TestClient) -> None:
    assert browser.get("/v1/jobs").json()["detail"] == "no bearer key was sent"
    over = issue_token("anna", KEYS["anna"], utc_now() - timedelta(seconds=LASTS_S + 1))
    browser.cookies.set(COOKIE, over)
    answer = browser.get("/v1/jobs")
    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert answer.json()["detail"].startswith("the sign-in of this browser has expired")


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
        {},
    ],
)
def test_another_site_cannot_use_the_cookie(browser: TestClient, headers: dict[str, str]) -> None:
    sign_in(browser)
    answer = browser.post("/v1/jobs", json={"text": "Hello."}, headers=headers)
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert answer.json()["code"] == "forbidden"


@pytest.mark.parametrize("headers", [SAME_SITE, {"Origin": "http://testserver"}])
def test_the_page_itself_can_use_the_cookie(browser: TestClient, headers: dict[str, str]) -> None:
    sign_in(browser)
    answer = browser.post("/v1/jobs", json={"text": "Hello."}, headers=headers)
    assert answer.status_code == HTTPStatus.ACCEPTED


def test_another_site_cannot_sign_a_browser_in_or_out(browser: TestClient) -> None:
    assert sign_in(browser, **{"Sec-Fetch-Site": "cross-site"}) == HTTPStatus.FORBIDDEN
    answer = browser.delete("/v1/session", headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code == HTTPStatus.FORBIDDEN


def test_signing_out_ends_it(browser: TestClient) -> None:
    sign_in(browser)
    assert browser.delete("/v1/session", headers=SAME_SITE).status_code == HTTPStatus.NO_CONTENT
    assert browser.get("/v1/jobs").status_code == HTTPStatus.UNAUTHORIZED


def test_a_server_without_keys_asks_for_none(client: TestClient) -> None:
    assert client.get("/v1/session").json() == {"owner": "local", "requires_key": False}


@pytest.mark.parametrize("owner", list(KEYS))
def test_a_token_tells_its_owner_until_it_expires(owner: str) -> None:
    now = utc_now()
    token = issue_token(owner, KEYS[owner], now)
    assert owner_of_token(token, KEYS, now) == owner
    assert owner_of_token(token, KEYS, now + timedelta(seconds=LASTS_S + 1)) is None


def test_a_token_ends_with_the_key_it_was_made_for() -> None:
    token = issue_token("anna", KEYS["anna"], utc_now())
    assert owner_of_token(token, KEYS | {"anna": SecretStr("new")}, utc_now()) is None


@pytest.mark.parametrize("token", ["", "a", "..", "YW5uYQ.9999999999.00", "é.1.1", "YW5uYQ.٣.0"])
def test_a_forged_token_tells_nobody(token: str) -> None:
    assert owner_of_token(token, KEYS, utc_now()) is None


def test_a_token_of_another_owner_is_not_mistaken(browser: TestClient) -> None:
    name = issue_token("ben.b", KEYS["ben.b"], utc_now()).partition(".")[0]
    _, _, rest = issue_token("anna", KEYS["anna"], utc_now()).partition(".")
    browser.cookies.set(COOKIE, f"{name}.{rest}")
    assert browser.get("/v1/jobs").status_code == HTTPStatus.UNAUTHORIZED
