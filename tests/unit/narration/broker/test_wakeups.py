from types import SimpleNamespace
from typing import Any

import structlog

from narration.broker.interface import Task
from narration.broker.wakeups import queue_notice, queue_wakeup, send_queued
from narration.errors import BrokerUnavailable
from tests.fakes import RecordingBroker


class AwayBroker(RecordingBroker):
    def send(self, task: Task, *ids: str) -> None:
        super().send(task, *ids)
        raise BrokerUnavailable("it does not answer")


def test_a_broker_that_is_away_is_asked_once_for_all_messages_of_a_transaction() -> None:
    session: Any = SimpleNamespace(info={})
    for job in ("a", "b", "c"):
        queue_wakeup(session, Task.PLAN, job)
    queue_notice(session, "events")
    broker = AwayBroker()
    with structlog.testing.capture_logs() as logs:
        send_queued(broker)(session)
    assert broker.sent == [(Task.PLAN, ("a",))]
    assert broker.notices == ["events"]
    assert [(one["event"], one.get("messages")) for one in logs] == [
        ("wakeup_not_sent", None),
        ("wakeups_not_sent", 2),
    ]
    assert not session.info
