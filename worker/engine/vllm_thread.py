"""vLLM's engine on a thread of this process, used the way AsyncLLM uses one in a child process.

docs/decisions/0007-engine-threads.md says why.
"""

import asyncio
import itertools
import queue
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from vllm import SamplingParams
from vllm.v1.engine.exceptions import EngineDeadError
from vllm.v1.engine.llm_engine import LLMEngine

from narration.errors import EngineDied
from worker.engine.backlog import Backlog
from worker.engine.stage import StageThread

_GROUP = 16  # of so many slots one must be free before requests join
_PATIENCE_S = 0.05  # before a wait for the sound stage looks at what is asked meanwhile


class ThreadCore:
    """Core over an LLMEngine; make it inside the event loop that will use it.

    When nearly all slots are taken, requests join several at a time: a step that also reads prompts
    cannot replay the graph of a decoding step, and takes half as long again.
    """

    def __init__(
        self, make_engine: Callable[[], LLMEngine], slots: int, backlog: Backlog | None = None
    ) -> None:
        """Start the thread; `backlog`: what to ask before each step."""
        self._loop = asyncio.get_running_loop()
        self._make_engine = make_engine
        self._slots = slots
        self._backlog = backlog
        self._waiting: dict[str, Callable[[], None]] = {}
        self._running: set[str] = set()
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._numbers = itertools.count()
        self._is_dead = False
        self._is_closing = False
        self._ready: Future[None] = Future()
        self._thread = StageThread("vllm", self._run, self._die)
        self._ready.result()

    @property
    def errored(self) -> bool:
        """Tell whether the engine is dead."""
        return self._is_dead

    async def generate(
        self, prompt: Any, sampling_params: SamplingParams, request_id: str
    ) -> AsyncIterator[Any]:
        """Run a request to its end; cancelling the task that waits aborts it."""
        try:
            yield await self._ask(
                request_id, partial(self._queue, request_id, prompt, sampling_params)
            )
        except asyncio.CancelledError:
            if not (self._is_dead or self._is_closing):
                await self._do(partial(self._abort, request_id))
            raise

    async def collective_rpc(self, method: str, *, args: tuple[Any, ...]) -> Any:
        """Call a method of the workers, between two steps."""
        return await self._do(lambda: self._engine.collective_rpc(method, args=args))

    def shutdown(self) -> None:
        """End the thread and free the model."""
        self._is_closing = True
        self._inbox.put(lambda: None)
        self._thread.join()
        self._engine.engine_core.shutdown()

    def _run(self) -> None:
        try:
            # Made here because a thread has its own current device and stream.
            self._engine = self._make_engine()
        except BaseException as error:
            self._ready.set_exception(error)
            raise
        self._ready.set_result(None)
        while not self._is_closing:
            self._do_inbox()
            self._let_join()
            if self._engine.has_unfinished_requests() and self._may_step():
                for output in self._engine.step():
                    self._running.discard(output.request_id)
                    self._answer(output.request_id, output)

    def _do_inbox(self) -> None:
        """Do what was asked for; without requests under way, wait to be asked."""
        if not self._waiting and not self._engine.has_unfinished_requests():
            self._inbox.get()()
        while not self._inbox.empty():
            self._inbox.get()()

    def _may_step(self) -> bool:
        return self._backlog is None or self._backlog.wait(
            _PATIENCE_S, is_crowded=bool(self._waiting)
        )

    def _let_join(self) -> None:
        free = self._slots - len(self._running)
        if free >= max(1, self._slots // _GROUP):
            for request_id in list(self._waiting)[:free]:
                self._waiting.pop(request_id)()

    async def _do(self, action: Callable[[], Any]) -> Any:
        name = f"do{next(self._numbers)}"

        def act() -> None:
            try:
                self._answer(name, action())
            except Exception as error:  # noqa: BLE001 - it is the asker's
                self._answer(name, None, error)

        return await self._ask(name, act)

    async def _ask(self, name: str, act: Callable[[], None]) -> Any:
        """Have something done on the thread, and wait for the answer of that name."""
        answer = self._answers[name] = self._loop.create_future()
        try:
            if self._is_dead:
                raise EngineDeadError
            self._inbox.put(act)
            return await answer
        finally:
            del self._answers[name]

    def _queue(self, request_id: str, prompt: Any, params: SamplingParams) -> None:
        self._waiting[request_id] = partial(self._add, request_id, prompt, params)

    def _add(self, request_id: str, prompt: Any, params: SamplingParams) -> None:
        try:
            self._engine.add_request(request_id, prompt, params)
        except ValueError as error:
            self._answer(request_id, None, error)
        else:
            self._running.add(request_id)

    def _abort(self, request_id: str) -> None:
        if self._waiting.pop(request_id, None) is None:
            self._running.discard(request_id)
            self._engine.abort_request([request_id])

    def _answer(self, name: str, output: Any, error: Exception | None = None) -> None:
        answer = self._answers.get(name)
        if answer is not None:
            self._loop.call_soon_threadsafe(_settle, answer, output, error)

    def _die(self, _: EngineDied) -> None:
        self._is_dead = True
        for name in list(self._answers):
            self._answer(name, None, EngineDeadError())


def _settle(future: "asyncio.Future[Any]", result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
