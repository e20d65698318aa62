"""Webhooks on one machine: SQLite, threads, and no other server than the receiver."""

from pathlib import Path

from narration.clock import utc_now
from narration.database import session_scope
from rhapsode.machine import open_machine
from tests.builders import WORDS, make_job, make_settings
from tests.cluster import wait_for
from tests.contracts.webhooks import make_webhook
from tests.fakes import make_model
from tests.receiver import LOOPBACK, open_receiver


def test_one_machine_tells_within_a_moment_how_a_job_ends(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, webhooks=LOOPBACK, sweeper={"interval_s": 60})
    with open_receiver() as receiver, open_machine(settings, lambda _: make_model()) as machine:
        webhook = make_webhook(machine.database, url=receiver.url, now=utc_now())
        with session_scope(machine.database) as session:
            job_id = make_job(session, WORDS, now=utc_now()).id
        wait_for(lambda: len(receiver.received) == 5, 30, "five messages")
    events = sorted(receiver.received, key=lambda message: message.content["data"]["number"])
    assert events[-1].content["type"] == "job.succeeded"
    assert {message.content["data"]["job_id"] for message in events} == {job_id}
    assert all(message.is_signed_with(webhook.secret) for message in events)
