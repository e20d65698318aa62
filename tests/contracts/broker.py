"""What every broker promises; subclasses bring `under_test`."""

import queue
from collections.abc import Callable
from dataclasses import dataclass

from narration.broker.interface import Broker, Handler, Task

WAIT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerUnderTest:
    """A broker, and what makes it call handlers."""

    broker: Broker
    listen: Callable[[dict[Task, Handler]], None]


class BrokerContract:
    """Messages arrive with their ids, each on its queue."""

    def test_message_arrives_with_its_ids(self, under_test: BrokerUnderTest) -> None:
        received: queue.Queue[tuple[str, ...]] = queue.Queue()
        under_test.listen(
            {Task.PLAN: lambda *ids: received.put(ids), Task.RENDER: lambda: received.put(())}
        )
        under_test.broker.send(Task.PLAN, "job_1")
        assert received.get(timeout=WAIT_S) == ("job_1",)
        under_test.broker.send(Task.RENDER)
        assert received.get(timeout=WAIT_S) == ()

    def test_task_that_fails_does_not_stop_the_next(self, under_test: BrokerUnderTest) -> None:
        received: queue.Queue[str] = queue.Queue()

        def handle(job_id: str) -> None:
            if job_id == "bad":
                raise ZeroDivisionError
            received.put(job_id)

        under_test.listen({Task.PLAN: handle})
        under_test.broker.send(Task.PLAN, "bad")
        under_test.broker.send(Task.PLAN, "good")
        assert received.get(timeout=WAIT_S) == "good"

    def test_broker_that_is_there_says_so(self, under_test: BrokerUnderTest) -> None:
        under_test.broker.check()
