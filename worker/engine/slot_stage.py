"""The token stage: one loop in which utterances join a decoder's batch, step and leave it.

The same loop drives T3 on plain PyTorch and on vLLM; only the decoder differs.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from narration.errors import EngineDied, SpeechError
from worker.chatterbox.t3.prompt import Prompt, SpeechTokens
from worker.engine.sharing import Backlog
from worker.engine.stage import StageThread, fail, succeed
from worker.engine.turns import TurnQueue
from worker.engine.types import Turn, is_first_heard, is_heard_soon, is_waited_for

_START_TIMEOUT_S = 600.0  # vLLM compiles and captures graphs: this took 100 s with nothing cached
_FEW = 8  # a few utterances are at most one in this many
_PAUSE_S = 0.05  # how long T3 waits for the sound stage before it checks for an abort


class SlotDecoder(Protocol):
    """A batch with a limited number of slots; used from one thread.

    Implemented by worker.chatterbox.t3.decoder.Decoder and worker.engine.vllm_decoder.VllmDecoder.
    """

    @property
    def free(self) -> int:
        """How many utterances may join now."""

    def join(self, prompt: Prompt) -> int | None:
        """Put a prompt into the batch and return its slot; None if it cannot join yet.

        Raises: SpeechError if it cannot be spoken.
        """

    def step(self) -> object:
        """Generate one token in every slot that is not done."""

    def done(self) -> list[int]:
        """Finished slots that wait for `release`."""

    def release(self, slot: int) -> SpeechTokens:
        """Free a slot that is done and return its tokens.

        Raises: SpeechError if its numbers are not finite; the slot is freed even then.
        """

    def drop(self, slot: int) -> None:
        """Free a slot, done or not, and discard its tokens."""

    def close(self) -> None:
        """Free the memory on the device."""


@dataclass(frozen=True, slots=True, eq=False)
class _QueuedPrompt:
    prompt: Prompt
    future: Future[SpeechTokens]
    steps: dict[str, float]


class SlotStage:
    """Text to speech tokens, many utterances at once.

    A cancelled future leaves the batch at the next step. Futures fail with SpeechError (this
    prompt only) or EngineDied.
    """

    def __init__(
        self,
        open_decoder: Callable[[], SlotDecoder],
        *,
        cores: int | None = None,
        backlog: Backlog | None = None,
        reserved: int = 0,
    ) -> None:
        """Start the thread and wait until the decoder is open.

        `open_decoder` is called on that thread, because each thread has its own current CUDA
        stream.
        `backlog`: checked before each step; it may hold T3 back for the sound stage.
        `reserved`: slots kept for utterances that a listener waits for; a batch that started all at
        once may free no slot for ten seconds.
        Raises: whatever `open_decoder` raised; EngineDied if it took more than ten minutes.
        """
        self._open_decoder = open_decoder
        self._backlog = backlog
        self._reserved = reserved
        self._waiting: TurnQueue[_QueuedPrompt] = TurnQueue()
        self._running: dict[int, _QueuedPrompt] = {}
        self._heard_soon: set[int] = set()  # slots
        self._first_heard: set[int] = set()  # slots of streams that have no sound yet
        self._joined: list[_QueuedPrompt] = []  # without a token yet
        self._has_cancelled = False  # saves checking every future before each step
        self._changed = threading.Condition()
        self._ended: EngineDied | None = None
        self._is_closing = False
        self._opened: Future[SlotDecoder] = Future()
        self._thread = StageThread("speech tokens", self._run, self._fail_all, cores)
        try:
            self._decoder = self._opened.result(_START_TIMEOUT_S)
        except TimeoutError as error:
            if self._opened.done():
                raise
            raise EngineDied(
                f"T3 did not start within {_START_TIMEOUT_S:.0f} s: start a new worker"
            ) from error

    def start(
        self, prompt: Prompt, turn: Turn = (), steps: dict[str, float] | None = None
    ) -> Future[SpeechTokens]:
        """Queue one prompt; the lowest turn gets the next free slot. `steps`: see Utterance."""
        future: Future[SpeechTokens] = Future()
        future.add_done_callback(self._mark_cancelled)
        with self._changed:
            if self._ended is None:
                queued = _QueuedPrompt(prompt, future, {} if steps is None else steps)
                self._waiting.push(turn, queued)
                self._changed.notify()
                return future
        fail(future, self._ended)
        return future

    def is_alive(self) -> bool:
        """Whether the stage still answers prompts."""
        return self._thread.is_alive() and self._ended is None

    def abort(self) -> None:
        """Fail everything before the next step, without waiting for it."""
        with self._changed:
            self._ended = self._ended or EngineDied("the speech engine was stopped")
            self._changed.notify()

    def close(self) -> None:
        """Finish the utterances in flight, end the thread and free the decoder's memory."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()
        self._decoder.close()

    def _run(self) -> None:
        try:
            decoder = self._open_decoder()
        except BaseException as error:  # noqa: BLE001 - the constructor raises it
            self._opened.set_exception(error)
            return
        self._opened.set_result(decoder)
        try:
            self._loop(decoder)
        finally:
            if self._backlog is not None:
                self._backlog.hurry(is_hurrying=False)
        if self._ended is not None:
            self._fail_all(self._ended)

    def _loop(self, decoder: SlotDecoder) -> None:
        while self._wait_for_work():
            self._drop_cancelled(decoder)
            self._refill(decoder)
            self._hurry()
            if not self._running or not self._may_step():
                continue
            decoder.step()
            self._time_first_tokens()
            for slot in decoder.done():
                self._finish(slot, decoder)
            self._hurry()  # the sound stage must not wait for a T3 that has nothing left

    def _wait_for_work(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._running or self._waiting or self._is_stopping())
            return self._ended is None and bool(self._running or self._waiting)

    def _is_stopping(self) -> bool:
        return self._is_closing or self._ended is not None

    def _may_step(self) -> bool:
        if self._backlog is None or self._first_heard:  # silence is worse than a full sound stage
            return True
        return self._backlog.wait(_PAUSE_S, is_crowded=bool(self._waiting))

    def _hurry(self) -> None:
        """Ask for the GPU while a few utterances are heard soon; many would get no advantage."""
        if self._backlog is not None:
            few = len(self._running) // _FEW
            self._backlog.hurry(is_hurrying=0 < len(self._heard_soon) <= few)

    def _mark_cancelled(self, future: Future[SpeechTokens]) -> None:
        if future.cancelled():
            self._has_cancelled = True

    def _drop_cancelled(self, decoder: SlotDecoder) -> None:
        if not self._has_cancelled:
            return
        self._has_cancelled = False
        with self._changed:
            self._waiting.remove_if(lambda queued: queued.future.cancelled())
        for slot in [s for s, q in self._running.items() if q.future.cancelled()]:
            decoder.drop(slot)
            del self._running[slot]
            self._forget(slot)

    def _refill(self, decoder: SlotDecoder) -> None:
        """Add utterances one by one, so that a refused prompt fails alone."""
        for _ in range(min(decoder.free, len(self._waiting))):
            with self._changed:
                queued, turn = self._waiting.first, self._waiting.first_turn
            if decoder.free <= self._reserved and not is_waited_for(turn):
                return
            try:
                slot = decoder.join(queued.prompt)
            except SpeechError as error:
                fail(queued.future, error)
            else:
                if slot is None:
                    return  # those behind it wait too, so that none of the same turn overtakes it
                self._running[slot] = queued
                self._record_joined(queued)
                if is_heard_soon(turn):
                    self._heard_soon.add(slot)
                if is_first_heard(turn):
                    self._first_heard.add(slot)
            with self._changed:
                self._waiting.remove(queued)

    def _forget(self, slot: int) -> None:
        self._heard_soon.discard(slot)
        self._first_heard.discard(slot)

    def _record_joined(self, queued: _QueuedPrompt) -> None:
        queued.steps.update(joined=time.monotonic(), t3_batch=len(self._running))
        self._joined.append(queued)

    def _time_first_tokens(self) -> None:
        for queued in self._joined:
            queued.steps["first_token"] = time.monotonic()
        self._joined.clear()

    def _finish(self, slot: int, decoder: SlotDecoder) -> None:
        queued = self._running.pop(slot)
        queued.steps["last_token"] = time.monotonic()
        self._forget(slot)
        try:
            speech_tokens = decoder.release(slot)
        except SpeechError as error:
            fail(queued.future, error)
        else:
            succeed(queued.future, speech_tokens)

    def _fail_all(self, died: EngineDied) -> None:
        with self._changed:
            self._ended = died
            unfinished = [*self._waiting.drain(), *self._running.values()]
            self._running.clear()
        for queued in unfinished:
            fail(queued.future, died)
