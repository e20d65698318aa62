"""What every broker promises; subclasses bring a `line`: a broker and a way to listen to it."""

import queue
from collections.abc import Callable
from dataclasses import dataclass

from narration.broker.interface import Broker, Handler, Task

WAIT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A broker, and what makes it call handlers."""

    broker: Broker
    listen: Callable[[dict[Task, Handler]], None]


class BrokerContract:
    """Messages arrive with their ids, each on its queue."""

    def test_message_arrives_with_its_ids(self, line: Line) -> None:
        heard: queue.Queue[tuple[str, ...]] = queue.Queue()
        line.listen({Task.PLAN: lambda *ids: heard.put(ids), Task.RENDER: lambda: heard.put(())})
        line.broker.send(Task.PLAN, "job_1")
        assert heard.get(timeout=WAIT_S) == ("job_1",)
        line.broker.send(Task.RENDER)
        assert heard.get(timeout=WAIT_S) == ()

    def test_task_that_fails_does_not_stop_the_next(self, line: Line) -> None:
        heard: queue.Queue[str] = queue.Queue()

        def handle(job_id: str) -> None:
            if job_id == "bad":
                raise ZeroDivisionError
            heard.put(job_id)

        line.listen({Task.PLAN: handle})
        line.broker.send(Task.PLAN, "bad")
        line.broker.send(Task.PLAN, "good")
        assert heard.get(timeout=WAIT_S) == "good"

    def test_broker_that_is_there_says_so(self, line: Line) -> None:
        line.broker.check()
