"""The plain PyTorch token stage: a fixed number of slots, refilled the moment one is free."""

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from narration.errors import EngineDied, SpeechError
from worker.chatterbox.t3.decoder import Prompt, Spoken
from worker.engine.stage import StageThread, fail, succeed


class SlotDecoder(Protocol):
    """What we use of worker.chatterbox.t3.decoder.Decoder, from one thread."""

    @property
    def free(self) -> int:
        """Slots that `prefill` may fill now."""

    def prefill(self, prompts: Sequence[Prompt]) -> list[int]:
        """Let prompts join; SpeechError if one cannot be spoken, then none joined."""

    def step(self) -> Mapping[int, int | None]:
        """Speak one token in every slot; None where the numbers are no longer finite."""

    def done(self) -> list[int]:
        """Slots that have said all."""

    def release(self, slot: int) -> Spoken:
        """Free a slot between two steps, done or not."""


@dataclass(frozen=True, slots=True, eq=False)
class _QueuedPrompt:
    prompt: Prompt
    future: Future[Spoken]


class SlotStage:
    """TokenStage over a SlotDecoder."""

    def __init__(self, decoder: SlotDecoder, cores: int | None = None) -> None:
        self._decoder = decoder
        self._waiting: deque[_QueuedPrompt] = deque()
        self._running: dict[int, _QueuedPrompt] = {}
        self._changed = threading.Condition()
        self._ended: EngineDied | None = None
        self._is_closing = False
        self._thread = StageThread("speech tokens", self._loop, self._fail_all, cores)

    def start(self, prompt: Prompt) -> Future[Spoken]:
        """Queue one prompt for the next free slot."""
        future: Future[Spoken] = Future()
        with self._changed:
            if self._ended is None:
                self._waiting.append(_QueuedPrompt(prompt, future))
                self._changed.notify()
                return future
        fail(future, self._ended)
        return future

    def is_alive(self) -> bool:
        """Tell whether prompts are still answered."""
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
                self._refuse_broken(self._decoder.step())
            for slot in self._decoder.done():
                succeed(self._running.pop(slot).future, self._decoder.release(slot))
        if self._ended is not None:
            self._fail_all(self._ended)

    def _refuse_broken(self, step_tokens: Mapping[int, int | None]) -> None:
        for slot in [slot for slot, token in step_tokens.items() if token is None]:
            self._decoder.release(slot)
            broken = SpeechError("the model's numbers are not finite: try another seed or voice")
            fail(self._running.pop(slot).future, broken)

    def _wait_for_work(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._running or self._waiting or self._is_stopping())
            return self._ended is None and bool(self._running or self._waiting)

    def _is_stopping(self) -> bool:
        return self._is_closing or self._ended is not None

    def _drop_cancelled(self) -> None:
        for slot in [s for s, queued in self._running.items() if queued.future.cancelled()]:
            self._decoder.release(slot)
            del self._running[slot]

    def _refill(self) -> None:
        """Fill free slots one by one, so that a prompt that is refused is refused alone."""
        while self._decoder.free and (queued := self._next()):
            try:
                (slot,) = self._decoder.prefill([queued.prompt])
            except SpeechError as error:
                fail(queued.future, error)
            else:
                self._running[slot] = queued

    def _next(self) -> _QueuedPrompt | None:
        with self._changed:
            while self._waiting:
                queued = self._waiting.popleft()
                if not queued.future.cancelled():
                    return queued
        return None

    def _fail_all(self, died: EngineDied) -> None:
        with self._changed:
            self._ended = died
            unfinished = [*self._waiting, *self._running.values()]
            self._waiting.clear()
            self._running.clear()
        for queued in unfinished:
            fail(queued.future, died)
