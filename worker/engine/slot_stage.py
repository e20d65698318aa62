"""The token stage: one loop in which utterances join a decoder's batch, step and leave it.

The same loop drives T3 on plain PyTorch and on vLLM; only the decoder differs.
"""

import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from narration.errors import EngineDied, SpeechError
from worker.chatterbox.t3.prompt import Prompt, SpeechTokens
from worker.engine.precedence import ALL_STEPPED, Precedence
from worker.engine.sharing import Backlog
from worker.engine.slot_queue import SlotQueue
from worker.engine.stage import StageThread, fail, succeed
from worker.engine.types import Heard, Turn, heard

_START_TIMEOUT_S = 600.0  # vLLM compiles and captures graphs: this took 100 s with nothing cached
_FIRST_SHARE = 8  # one in this many reserved slots is for the first sounds of streams only
_PAUSE_S = 0.05  # how long T3 waits for the sound stage before it checks for an abort


class SlotDecoder(Protocol):
    """A batch with a limited number of slots; used from one thread.

    Implemented by worker.chatterbox.t3.decoder.Decoder and worker.engine.vllm_decoder.VllmDecoder.
    """

    @property
    def free(self) -> int:
        """How many slots are not in use."""

    @property
    def group(self) -> int:
        """How many slots should be free before an utterance joins that can wait."""

    def is_step_full(self, prompt: Prompt) -> bool:
        """Whether the next step reads so many prompts that this one had better join the step after.

        Never if nothing has joined since the last step.
        """

    def join(self, prompt: Prompt) -> int | None:
        """Put a prompt into the batch and return its slot; None if it cannot join yet.

        Raises: SpeechError if it cannot be spoken.
        """

    def step(self, only: Collection[int] = ()) -> object:
        """Generate one token in every slot that is not done.

        If there are any in `only`, the other slots may be left out of this step.
        """

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
        `reserved`: slots kept for utterances that are heard soon; a batch that started all at once
        may free no slot for ten seconds.
        Raises: whatever `open_decoder` raised; EngineDied if it took more than ten minutes.
        """
        self._open_decoder = open_decoder
        self._backlog = backlog
        self._reserved = reserved
        self._waiting: SlotQueue[_QueuedPrompt] = SlotQueue()
        self._running: dict[int, _QueuedPrompt] = {}
        self._precedence = Precedence()
        self._is_held = False  # whether a prompt waits only for the next step to be over
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
            first = self._choose_first()
            if not self._running or not self._may_step(first):
                continue
            decoder.step(first if len(self._running) > ALL_STEPPED else ())
            self._time_first_tokens()
            for slot in decoder.done():
                self._finish(slot, decoder)
            self._choose_first()  # the sound stage must not wait for a T3 that has nothing left

    def _wait_for_work(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._has_work() or self._is_stopping())
            return self._ended is None and self._has_work()

    def _has_work(self) -> bool:
        return bool(self._running or self._waiting)

    def _is_stopping(self) -> bool:
        return self._is_closing or self._ended is not None

    def _may_step(self, first: Collection[int]) -> bool:
        if self._backlog is None or first or self._precedence.is_silent:
            return True  # silence is worse than a full sound stage
        if self._is_held:
            return True  # that prompt lacks no slot
        has_room = self._precedence.has_room_for_streams
        with self._changed:
            is_crowded = self._waiting.is_crowded(has_room_for_streams=has_room)
        return self._backlog.wait(_PAUSE_S, is_crowded=is_crowded)

    def _choose_first(self) -> Collection[int]:
        """Return the slots that go first; they get the GPU, too."""
        first = self._precedence.choose(len(self._running))
        if self._backlog is not None:
            self._backlog.hurry(is_hurrying=bool(first))
        return first

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
            self._precedence.discard(slot)

    def _refill(self, decoder: SlotDecoder) -> None:
        """Add utterances one by one, so that a refused prompt fails alone."""
        self._is_held = False
        # Asked once, so that several join together.
        is_worth_it = decoder.free - self._reserved >= decoder.group
        with self._changed:
            self._waiting.begin_step(is_idle=not self._running)
        while (waiting := self._next()) is not None:
            turn, queued = waiting
            if not (is_worth_it or heard(turn) < Heard.LATER) or not self._has_room(decoder, turn):
                return
            # First sounds and what has no turn, which stands before them, join at once.
            may_wait = bool(turn) and heard(turn) is not Heard.FIRST
            if may_wait and decoder.is_step_full(queued.prompt):
                self._is_held = True
                return
            slot = None
            try:
                slot = decoder.join(queued.prompt)
            except SpeechError as error:
                fail(queued.future, error)
            else:
                if slot is None:
                    return  # those behind it wait too, so that none of the same turn overtakes it
                self._running[slot] = queued
                self._record_joined(queued)
                self._precedence.add(slot, turn)
            with self._changed:
                self._waiting.remove(queued, has_joined=slot is not None)

    def _next(self) -> tuple[Turn, _QueuedPrompt] | None:
        with self._changed:
            return self._waiting.next(has_room_for_streams=self._precedence.has_room_for_streams)

    def _has_room(self, decoder: SlotDecoder, turn: Turn) -> bool:
        """Tell whether a slot is free for an utterance: the sooner it is heard, the more are."""
        kept = {Heard.FIRST: 0, Heard.LATER: self._reserved}
        kept_for_this = kept.get(heard(turn), self._reserved // _FIRST_SHARE)
        # One without a turn comes before all others in the queue, so it must not wait for a slot.
        return decoder.free > (kept_for_this if turn else 0)

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
        self._precedence.discard(slot)
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
