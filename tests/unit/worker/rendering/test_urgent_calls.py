import queue
import threading

from narration.broker.interface import MISSED, Listener, Subscription, Task
from tests.cluster import wait_for
from tests.fakes import RecordingBroker
from worker.rendering.urgent_calls import UrgentCalls

WAIT_S = 20.0


class Line:
    """A subscription that a test can look at."""

    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


class CallingBroker(RecordingBroker):
    """Passes calls to its listener immediately."""

    def __init__(self) -> None:
        super().__init__()
        self.line = Line()
        self.listener: Listener | None = None

    def call(self) -> bool:
        assert self.listener is not None
        self.listener("urgent")
        return True

    def answer_calls(self, listener: Listener) -> Subscription | None:
        self.listener = listener
        return self.line


class Segments:
    """Urgent segments that wait; each is spoken until the test lets it end."""

    def __init__(self) -> None:
        self.waiting: queue.Queue[str] = queue.Queue()
        self.begun: queue.Queue[str] = queue.Queue()
        self.may_end = threading.Event()
        self.is_draining = threading.Event()

    def speak_next(self) -> bool:
        try:
            segment = self.waiting.get_nowait()
        except queue.Empty:
            return False
        self.begun.put(segment)
        self.may_end.wait(WAIT_S)
        if segment == "deadly":
            raise ZeroDivisionError
        return True


def test_a_call_speaks_all_that_waits_and_a_worker_that_closes_ends_it_first() -> None:
    broker, segments = CallingBroker(), Segments()
    calls = UrgentCalls(broker, segments.speak_next, segments.is_draining.is_set, threads=2)
    segments.may_end.set()
    for name in ("first", "second", "third"):
        segments.waiting.put(name)
    broker.call()
    calls.close()
    assert broker.line.is_closed
    assert [segments.begun.get_nowait() for _ in range(3)] == ["first", "second", "third"]


def test_a_call_that_finds_every_thread_at_work_is_passed_on_to_the_queue() -> None:
    broker, segments = CallingBroker(), Segments()
    calls = UrgentCalls(broker, segments.speak_next, segments.is_draining.is_set, threads=1)
    segments.waiting.put("first")
    broker.call()
    assert segments.begun.get(timeout=WAIT_S) == "first"
    for _ in range(100):
        broker.call()
    assert calls._pool._work_queue.qsize() == 0
    assert broker.take() == [(Task.RENDER, ())] * 100
    assert broker.listener is not None
    broker.listener(MISSED)  # it may have been anything, and the sweeper finds what it was
    assert broker.take() == []
    segments.may_end.set()
    calls.close()


def test_a_worker_that_drains_passes_every_call_on() -> None:
    broker, segments = CallingBroker(), Segments()
    calls = UrgentCalls(broker, segments.speak_next, segments.is_draining.is_set, threads=1)
    segments.waiting.put("first")
    segments.is_draining.set()
    broker.call()
    assert broker.take() == [(Task.RENDER, ())]
    calls.close()
    assert segments.begun.empty()


def test_a_segment_that_fails_does_not_keep_the_next_call_from_being_answered() -> None:
    broker, segments = CallingBroker(), Segments()
    calls = UrgentCalls(broker, segments.speak_next, segments.is_draining.is_set, threads=1)
    segments.may_end.set()
    segments.waiting.put("deadly")
    broker.call()
    assert segments.begun.get(timeout=WAIT_S) == "deadly"
    wait_for(lambda: broker.sent == [(Task.RENDER, ())], WAIT_S, "another worker's call")
    segments.waiting.put("next")
    broker.call()
    assert segments.begun.get(timeout=WAIT_S) == "next"
    calls.close()
