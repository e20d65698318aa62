"""The plain PyTorch token stage: a fixed number of slots, refilled the moment one is free."""

import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from narration.errors import EngineDied, SpeechError
from worker.chatterbox.config import ACOUSTIC_TOKENS, STOP_SPEECH
from worker.speech.stage import Spoken, StageThread, TokenRequest, fail, succeed


class SlotDecoder(Protocol):
    """T3 as `slots` rows that come and go; used from one thread."""

    slots: int

    def prefill(self, slot: int, request: TokenRequest) -> None:
        """Read a request's prompt into a free slot.

        Raises: SpeechError if this request cannot be spoken; the slot stays free.
        """

    def step(self) -> Mapping[int, int | None]:
        """Return the next token of every busy slot; None where its logits are not finite."""

    def release(self, slot: int) -> None:
        """Free a slot between two steps."""


@dataclass(slots=True, eq=False)
class _Job:
    request: TokenRequest
    future: Future[Spoken]
    tokens: list[int] = field(default_factory=list)


class SlotStage:
    """TokenStage over a SlotDecoder."""

    def __init__(self, decoder: SlotDecoder) -> None:
        self._decoder = decoder
        self._waiting: deque[_Job] = deque()
        self._running: dict[int, _Job] = {}
        self._changed = threading.Condition()
        self._ended: EngineDied | None = None
        self._is_closing = False
        self._thread = StageThread("speech tokens", self._loop, self._fail_all)

    def start(self, request: TokenRequest) -> Future[Spoken]:
        """Queue one request for the next free slot."""
        future: Future[Spoken] = Future()
        with self._changed:
            if self._ended is None:
                self._waiting.append(_Job(request, future))
                self._changed.notify()
                return future
        fail(future, self._ended)
        return future

    def is_alive(self) -> bool:
        """Tell whether requests are still answered."""
        return self._thread.is_alive() and self._ended is None

    def abort(self) -> None:
        """Fail everything before the next step."""
        with self._changed:
            self._ended = self._ended or EngineDied("the speech engine was stopped")
            self._changed.notify()

    def close(self) -> None:
        """Finish what is under way and end the thread."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()

    def _loop(self) -> None:
        while self._wait_for_work():
            self._drop_cancelled()
            self._refill()
            if self._running:
                for slot, token in self._decoder.step().items():
                    self._take(slot, token)
        if self._ended is not None:
            self._fail_all(self._ended)

    def _wait_for_work(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._running or self._waiting or self._is_stopping())
            return self._ended is None and bool(self._running or self._waiting)

    def _is_stopping(self) -> bool:
        return self._is_closing or self._ended is not None

    def _drop_cancelled(self) -> None:
        for slot in [s for s, job in self._running.items() if job.future.cancelled()]:
            self._free(slot)

    def _refill(self) -> None:
        free = [s for s in range(self._decoder.slots) if s not in self._running]
        while free and (job := self._next()):
            try:
                self._decoder.prefill(free[-1], job.request)
            except SpeechError as error:
                fail(job.future, error)
            else:
                self._running[free.pop()] = job

    def _next(self) -> _Job | None:
        with self._changed:
            while self._waiting:
                job = self._waiting.popleft()
                if not job.future.cancelled():
                    return job
        return None

    def _take(self, slot: int, token: int | None) -> None:
        job = self._running[slot]
        if token is None:
            self._free(slot)
            fail(job.future, SpeechError("the model's answer is not finite: try another seed"))
        elif token == STOP_SPEECH:
            self._finish(slot, is_truncated=False)
        else:
            job.tokens.append(token)
            if len(job.tokens) >= job.request.max_tokens:
                self._finish(slot, is_truncated=True)

    def _finish(self, slot: int, *, is_truncated: bool) -> None:
        job = self._free(slot)
        tokens = np.array(job.tokens, dtype=np.int64)
        assert (tokens < ACOUSTIC_TOKENS).all(), "the sampler masks every other id"
        succeed(job.future, Spoken(tokens=tokens, is_truncated=is_truncated))

    def _free(self, slot: int) -> _Job:
        self._decoder.release(slot)
        return self._running.pop(slot)

    def _fail_all(self, died: EngineDied) -> None:
        with self._changed:
            self._ended = died
            jobs = [*self._waiting, *self._running.values()]
            self._waiting.clear()
            self._running.clear()
        for job in jobs:
            fail(job.future, died)
