"""URLs in answers can be used as they are: behind a prefix, and by players that send no key."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest
import structlog
from fastapi.testclient import TestClient
from pydantic import SecretStr

from api.links import ROUND_S, Links
from tests.unit.api.conftest import LimitedClients
from tests.unit.api.routes.jobs import submit

KEY = {"Authorization": "Bearer open sesame"}
NOON = datetime(2026, 11, 28, 12, 0, 1, tzinfo=UTC)


@pytest.fixture
def keyed(limited: LimitedClients) -> Iterator[TestClient]:
    with limited(api={"keys": {"anna": "open sesame"}}) as client:
        yield client


def links(now: datetime = NOON, lasts_s: int = 7200) -> Links:
    key = SecretStr("open sesame")
    return Links(prefix="", owner="anna", key=key, lasts_s=lasts_s, now=now)


def test_urls_bear_the_prefix_that_a_proxy_took_away(client: TestClient) -> None:
    headers = {"X-Forwarded-Prefix": "/books/audio"}
    job = client.post("/v1/jobs", json={"text": "Hello there."}, headers=headers).json()
    assert {url.startswith("/books/audio/v1/jobs/") for url in job["urls"].values()} == {True}
    for _ in range(2):
        submit(client)
    listed = client.get("/v1/jobs?limit=1", headers=headers)
    assert listed.links["next"]["url"].startswith("/books/audio/v1/jobs?")
    assert listed.json()["items"][0]["urls"]["self"].startswith("/books/audio/")


def test_without_keys_nothing_is_signed(client: TestClient) -> None:
    assert "?" not in submit(client)["urls"]["listen"]


def test_a_signed_url_needs_no_key(keyed: TestClient) -> None:
    job = keyed.post("/v1/jobs", json={"text": "Hello there."}, headers=KEY).json()
    assert keyed.get(job["urls"]["self"]).status_code == HTTPStatus.UNAUTHORIZED
    assert keyed.get(job["urls"]["listen"]).json()["code"] == "nothing_spoken"
    assert keyed.head(job["urls"]["listen"]).status_code == HTTPStatus.CONFLICT


def test_an_expired_url_says_what_to_do(keyed: TestClient) -> None:
    path = f"/v1/jobs/job_{'0' * 26}/listen.m3u8"
    long_ago = datetime.now(UTC) - timedelta(days=1)
    answer = keyed.get(links(long_ago, lasts_s=60).signed(path))
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert answer.json()["detail"] == "the URL has expired"
    assert "signed anew" in answer.json()["what_now"]


@pytest.mark.parametrize("place", ["owner", "expiry", "signature"])
def test_a_changed_url_is_refused(keyed: TestClient, place: str) -> None:
    path = f"/v1/jobs/job_{'0' * 26}/listen.m3u8"
    owner, expiry, signature = links(datetime.now(UTC)).query(path).partition("=")[2].split(".")
    changed = {
        "owner": f"{owner[:-1]}A.{expiry}.{signature}",
        "expiry": f"{owner}.{int(expiry) + 1}.{signature}",
        "signature": f"{owner}.{expiry}.{signature[::-1]}",
    }
    answer = keyed.get(f"{path}?signature={changed[place]}")
    assert answer.json()["code"] == "signature_invalid"


def test_urls_stay_the_same_for_a_while_and_last_long_enough() -> None:
    path = "/v1/jobs/x/listen.m3u8"
    urls = {links(NOON + timedelta(minutes=minutes)).signed(path) for minutes in range(0, 60, 7)}
    assert len(urls) == 1
    expires = int(urls.pop().split(".")[-2])
    assert 7200 <= expires - NOON.timestamp() <= 7200 + ROUND_S


def test_the_log_does_not_hold_signatures(keyed: TestClient) -> None:
    with structlog.testing.capture_logs() as logged:
        keyed.get(f"/v1/jobs/job_{'0' * 26}/listen.m3u8?signature=anna.1.secret-part")
    assert any(entry["event"] == "request" for entry in logged)
    assert "secret-part" not in str(logged)
