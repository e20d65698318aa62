import threading
from collections.abc import Iterator

import pytest

from narration.broker.inline import InlineBroker
from narration.broker.interface import Task
from tests.contracts.broker import BrokerContract, BrokerUnderTest


@pytest.fixture
def broker() -> Iterator[InlineBroker]:
    broker = InlineBroker()
    yield broker
    broker.close()


class TestInline(BrokerContract):
    @pytest.fixture
    def under_test(self, broker: InlineBroker) -> BrokerUnderTest:
        return BrokerUnderTest(broker=broker, listen=broker.bind)


def test_closing_waits_for_what_runs_and_drops_the_rest(broker: InlineBroker) -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), []

    def handle() -> None:
        begun.set()
        may_end.wait(5)
        ended.append(1)

    broker.bind({Task.RENDER: handle})
    for _ in range(5):
        broker.send(Task.RENDER)
    assert begun.wait(5)
    threading.Timer(0.05, may_end.set).start()
    broker.close()
    assert ended == [1]
    broker.send(Task.RENDER)  # lost, as messages may be


def test_long_assembly_does_not_hold_up_the_engine(broker: InlineBroker) -> None:
    rendered, may_end = threading.Event(), threading.Event()
    broker.bind({Task.ASSEMBLE: lambda _: may_end.wait(5), Task.RENDER: rendered.set})
    for number in range(4):
        broker.send(Task.ASSEMBLE, f"job_{number}")
    broker.send(Task.RENDER)
    assert rendered.wait(5)
    may_end.set()


def test_parts_that_are_encoded_do_not_hold_up_a_plan(broker: InlineBroker) -> None:
    planned, may_end = threading.Event(), threading.Event()
    broker.bind({Task.ENCODE: lambda: may_end.wait(5), Task.PLAN: lambda _: planned.set()})
    for _ in range(8):
        broker.send(Task.ENCODE)
    broker.send(Task.PLAN, "job_1")
    assert planned.wait(5)
    may_end.set()
