"""Limits hold over all API processes; a process that is killed frees its streams."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from narration.clock import utc_now
from narration.database import session_scope
from narration.keys.manage import MadeKey, NewKey, make_key, revoke_key
from narration.keys.rates import LEASE_S
from narration.keys.scopes import KeyLimits
from tests.api_process import Api
from tests.cluster import Cluster, wait_for

KEYS = {"RHAPSODE_API__KEYS": json.dumps({"root": "sesame"})}
REVOKED_S = 10.0  # twice the interval at which streams are checked


@pytest.fixture
def apis(cluster: Cluster) -> Iterator[tuple[Api, Api]]:
    first, second = Api(cluster, KEYS), Api(cluster, KEYS)
    try:
        first.start()
        second.start()
        yield first, second
    finally:
        first.close()
        second.close()


def made(cluster: Cluster, **limits: Any) -> MadeKey:
    new = NewKey(owner="ann", name="ci", limits=KeyLimits(**limits))
    with session_scope(cluster.database) as session:
        return make_key(session, new, now=utc_now())


def bearer(key: MadeKey) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.secret}"}


@contextmanager
def following(api: Api, key: MadeKey) -> Iterator[httpx.Response]:
    with api.client.stream("GET", "/v1/events", headers=bearer(key), timeout=60) as answer:
        yield answer


def is_let_in(api: Api, key: MadeKey) -> bool:
    with following(api, key) as answer:
        assert answer.status_code in {200, 429}
        return answer.status_code == 200


def test_requests_are_counted_over_all_processes(cluster: Cluster, apis: tuple[Api, Api]) -> None:
    key = made(cluster, requests_a_minute=4)
    answers = [api.client.get("/v1/jobs", headers=bearer(key)) for _ in range(3) for api in apis]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429, 429]
    assert answers[1].headers["ratelimit"].startswith('"requests";r=2;t=')


def test_streams_are_counted_over_all_processes(cluster: Cluster, apis: tuple[Api, Api]) -> None:
    first, second = apis
    key = made(cluster, streams=1)
    with following(first, key) as answer:
        assert answer.status_code == 200
        assert not is_let_in(second, key)
    wait_for(lambda: is_let_in(second, key), 10, "the place of the stream that ended")


@pytest.mark.timeout(300)
def test_a_killed_process_frees_its_streams(cluster: Cluster, apis: tuple[Api, Api]) -> None:
    first, second = apis
    key = made(cluster, streams=1)
    with following(first, key) as answer:
        assert answer.status_code == 200
        os.kill(first.pid, signal.SIGKILL)
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()
    killed_at = time.monotonic()
    assert not is_let_in(second, key)
    wait_for(lambda: is_let_in(second, key), LEASE_S + 10, "the places of the killed process")
    assert time.monotonic() - killed_at > 1


def test_an_open_stream_keeps_its_place_for_longer_than_a_lease(
    cluster: Cluster, apis: tuple[Api, Api]
) -> None:
    first, second = apis
    key = made(cluster, streams=1)
    with following(first, key):
        time.sleep(LEASE_S + 3)
        assert not is_let_in(second, key)


def test_a_revoked_key_ends_its_streams_and_is_refused(
    cluster: Cluster, apis: tuple[Api, Api]
) -> None:
    first, _ = apis
    key, other = made(cluster), made(cluster)
    with following(first, other) as untouched, following(first, key) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("retry:")
        with session_scope(cluster.database) as session:
            revoke_key(session, key.key.id, now=utc_now())
        revoked_at = time.monotonic()
        with pytest.raises(httpx.RemoteProtocolError):
            list(lines)
        assert time.monotonic() - revoked_at < REVOKED_S
        for api in apis:
            refused = api.client.get("/v1/events", headers=bearer(key))
            assert refused.json()["code"] == "key_revoked"
        assert not untouched.is_closed
        assert next(untouched.iter_lines()).startswith("retry:")


def test_while_the_broker_is_away_requests_are_still_answered(
    cluster: Cluster, apis: tuple[Api, Api]
) -> None:
    first, _ = apis
    key = made(cluster, requests_a_minute=2)
    cluster.valkey.client().execute_command("CLIENT", "PAUSE", "3000", "ALL")
    started = time.monotonic()
    statuses = [first.client.get("/v1/jobs", headers=bearer(key)).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]  # counted here
    assert time.monotonic() - started < 3
