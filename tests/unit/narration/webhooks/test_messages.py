"""Messages are signed as the standard's own verifier expects, and contain nothing confidential."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from narration.jobs.events import JobEvent, Position
from narration.webhooks.messages import TYPES, event_message
from narration.webhooks.schedule import MOST_ATTEMPTS, WAITS_S, wait_s
from narration.webhooks.signing import new_secret, signed_headers

BODY = b'{"type":"job.succeeded","data":{"title":"\xc3\x9cber"}}'


def make_event(type_: str = "job.failed", **payload: Any) -> JobEvent:
    return JobEvent(
        job_id="job_1",
        number=3,
        owner="ann",
        type=type_,
        payload=payload,
        created_at=datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
        position=Position(transaction=0, id=1),
    )


def test_the_verifier_of_the_standard_takes_a_message() -> None:
    secret = new_secret()
    headers = signed_headers("msg_1", BODY, [secret], now=datetime.now(UTC))
    assert Verifier(secret).verify(BODY, headers)["type"] == "job.succeeded"


def test_either_secret_verifies_while_two_are_valid() -> None:
    old, new = new_secret(), new_secret()
    headers = signed_headers("msg_1", BODY, [new, old], now=datetime.now(UTC))
    for secret in (old, new):
        Verifier(secret).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(new_secret()).verify(BODY, headers)


@pytest.mark.parametrize("changed", ["webhook-id", "webhook-timestamp"])
def test_id_and_time_are_signed_too(changed: str) -> None:
    secret, now = new_secret(), datetime.now(UTC)
    headers = signed_headers("msg_1", BODY, [secret], now=now)
    other = signed_headers("msg_2", BODY, [secret], now=now - timedelta(seconds=60))
    with pytest.raises(WebhookVerificationError):
        Verifier(secret).verify(BODY, headers | {changed: other[changed]})


def test_a_secret_has_as_many_bytes_as_the_standard_asks_for() -> None:
    secrets = {new_secret() for _ in range(10)}
    assert len(secrets) == 10
    for secret in secrets:
        assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"))) <= 64


def test_a_message_tells_what_happened_and_when() -> None:
    message = json.loads(event_message(make_event("job.succeeded", artifacts=["audio.mp3"])))
    assert message == {
        "type": "job.succeeded",
        "timestamp": "2026-01-02T03:04:05.678Z",
        "data": {"job_id": "job_1", "number": 3, "artifacts": ["audio.mp3"]},
    }


def test_a_message_stays_small_however_many_files_there_are() -> None:
    message = event_message(
        make_event("job.succeeded", artifacts=[f"{n}.mp3" for n in range(5000)])
    )
    assert len(json.loads(message)["data"]["artifacts"]) == 100


def test_what_may_name_paths_and_hosts_is_left_out() -> None:
    error = {"code": "storage_full", "message": "bucket s3://inside is full", "is_retryable": True}
    text = event_message(make_event(error=error, lease_holder="host-7"))
    assert "inside" not in text
    assert "host-7" not in text
    told = json.loads(text)["data"]["error"]
    assert (told["code"], told["retryable"]) == ("storage_full", True)


def test_what_becomes_of_single_chunks_is_not_told_unless_it_needs_somebody() -> None:
    assert "chunk.accepted" not in TYPES
    assert {"job.queued", "job.succeeded", "job.deleted", "chunk.flagged"} <= set(TYPES)


def test_retries_grow_over_a_day() -> None:
    waits = [wait_s(attempts) for attempts in range(1, MOST_ATTEMPTS)]
    assert all(
        wait is not None and base <= wait <= 1.1 * base
        for wait, base in zip(waits, WAITS_S, strict=True)
    )
    assert sorted(WAITS_S) == list(WAITS_S)
    assert 20 * 3600 < sum(WAITS_S) < 28 * 3600
    assert wait_s(MOST_ATTEMPTS) is None


def test_a_receiver_may_ask_for_more_time_within_bounds() -> None:
    assert (wait_s(1, 60) or 0) >= 60
    assert (wait_s(1, 10.0**9) or 0) <= 1.1 * 28_800
