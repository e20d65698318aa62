"""vLLM's engine on a thread: who joins when, and when it pauses. The engine itself is a fake."""

import asyncio
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from vllm import SamplingParams

from tests.model.worker.engine.fakes import TIMEOUT_S, wait_until
from worker.engine.backlog import Backlog
from worker.engine.vllm_thread import ThreadCore

SLOTS = 32  # two must be free before any request joins


class FakeEngine:
    """Speaks each request for as many steps as its prompt says; notes who joined before a step."""

    def __init__(self) -> None:
        self.left: dict[str, int] = {}
        self.joined: list[list[str]] = [[]]
        self.aborted: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.engine_core = SimpleNamespace(shutdown=lambda: None)

    def add_request(self, request_id: str, prompt: Any, _: SamplingParams) -> None:
        if prompt["steps"] < 0:
            raise ValueError("refused")
        self.left[request_id] = prompt["steps"]
        self.joined[-1].append(request_id)

    def abort_request(self, request_ids: list[str]) -> None:
        for request_id in request_ids:
            self.aborted.append(request_id)
            self.left.pop(request_id, None)

    def has_unfinished_requests(self) -> bool:
        return bool(self.left)

    def step(self) -> list[Any]:
        time.sleep(0.001)
        if not self.gate.is_set():
            return []  # and goes on looking at what is asked
        self.joined.append([])
        self.left = {request_id: steps - 1 for request_id, steps in self.left.items()}
        done = [request_id for request_id, steps in self.left.items() if not steps]
        for request_id in done:
            del self.left[request_id]
        return [SimpleNamespace(request_id=request_id) for request_id in done]


async def speak(core: ThreadCore, request_id: str, steps: int) -> str:
    answers = core.generate({"steps": steps}, SamplingParams(), request_id)
    return [answer.request_id async for answer in answers][-1]


def open_core(engine: FakeEngine, backlog: Backlog | None = None) -> ThreadCore:
    return ThreadCore(lambda: engine, SLOTS, backlog)  # type: ignore[arg-type, return-value]


def test_every_request_is_answered_once_whatever_its_length() -> None:
    async def run() -> list[str]:
        core = open_core(FakeEngine())
        asked = (speak(core, f"r{n}", 1 + n % 7) for n in range(200))
        answers = await asyncio.wait_for(asyncio.gather(*asked), TIMEOUT_S)
        core.shutdown()
        return answers

    assert asyncio.run(run()) == [f"r{n}" for n in range(200)]


def test_requests_join_a_full_engine_several_at_a_time() -> None:
    engine = FakeEngine()
    engine.gate.clear()

    async def run() -> None:
        core = open_core(engine)
        # One ends after each step; those that wait may join after every other.
        asked = [asyncio.ensure_future(speak(core, f"r{n}", 1 + n)) for n in range(SLOTS)]
        asked += [asyncio.ensure_future(speak(core, f"late{n}", 50)) for n in range(6)]
        await asyncio.to_thread(wait_until, lambda: len(engine.left) == SLOTS)
        engine.gate.set()
        await asyncio.wait_for(asyncio.gather(*asked), TIMEOUT_S)
        core.shutdown()

    asyncio.run(run())
    groups = [group for group in engine.joined if any(name.startswith("late") for name in group)]
    assert groups == [["late0", "late1"], ["late2", "late3"], ["late4", "late5"]]


def test_a_request_joins_at_once_while_slots_are_free() -> None:
    engine = FakeEngine()

    async def run() -> None:
        core = open_core(engine)
        for n in range(5):
            await asyncio.wait_for(speak(core, f"r{n}", 1), TIMEOUT_S)
        core.shutdown()

    asyncio.run(run())
    assert [group for group in engine.joined if group] == [[f"r{n}"] for n in range(5)]


def test_a_cancelled_request_leaves_whether_it_has_joined_or_not() -> None:
    engine = FakeEngine()

    async def run() -> None:
        core = open_core(engine)
        asked = [asyncio.ensure_future(speak(core, f"r{n}", 500)) for n in range(SLOTS + 1)]
        await asyncio.to_thread(wait_until, lambda: len(engine.left) == SLOTS)
        for task in (asked[SLOTS], asked[0]):
            task.cancel()
        done = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), TIMEOUT_S)
        assert sum(isinstance(answer, asyncio.CancelledError) for answer in done) == 2
        core.shutdown()

    asyncio.run(run())
    assert engine.aborted == ["r0"]
    assert not any(f"r{SLOTS}" in group for group in engine.joined)


def test_a_refused_request_takes_no_slot() -> None:
    async def run() -> None:
        core = open_core(FakeEngine())
        for n in range(2 * SLOTS):
            with pytest.raises(ValueError, match="refused"):
                await speak(core, f"bad{n}", -1)
        await asyncio.wait_for(speak(core, "good", 3), TIMEOUT_S)
        core.shutdown()

    asyncio.run(run())


async def crowd(core: ThreadCore, engine: FakeEngine) -> list["asyncio.Future[str]"]:
    """Ask for more than there are slots, and wait until they are taken."""
    asked = [asyncio.ensure_future(speak(core, f"r{n}", 50)) for n in range(2 * SLOTS)]
    await asyncio.to_thread(wait_until, lambda: len(engine.left) == SLOTS)
    return asked


def test_a_crowded_engine_pauses_while_the_sound_stage_is_behind() -> None:
    engine, backlog = FakeEngine(), Backlog()
    engine.gate.clear()
    backlog.update(9.0)

    async def run() -> None:
        core = open_core(engine, backlog)
        asked = await crowd(core, engine)
        engine.gate.set()
        await asyncio.sleep(0.2)
        assert len(engine.joined) <= 3  # those begun before all had asked
        backlog.update(0.0)
        await asyncio.wait_for(asyncio.gather(*asked), TIMEOUT_S)
        core.shutdown()

    asyncio.run(run())


def test_an_engine_is_closed_even_while_it_pauses() -> None:
    engine, backlog = FakeEngine(), Backlog()
    engine.gate.clear()
    backlog.update(9.0)

    async def run() -> None:
        core = open_core(engine, backlog)
        asked = await crowd(core, engine)
        engine.gate.set()
        await asyncio.wait_for(asyncio.to_thread(core.shutdown), TIMEOUT_S)
        for task in asked:
            task.cancel()

    asyncio.run(run())
