"""The sound stage: turns finished tokens into waveforms, in batches of similar length."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt
import structlog

from narration.errors import EngineDied, SpeechError
from worker.chatterbox.t3.prompt import SpeechTokens
from worker.engine.sharing import Backlog
from worker.engine.sound_batches import BatchRules, QueuedUtterance
from worker.engine.stage import StageThread, fail, succeed
from worker.engine.types import Heard, Speech, Utterance, heard

log = structlog.get_logger()

_MOST_FIRST = 8  # the renderer prepares for so many on the stream for first sounds
_IDLE_S = 0.5  # how long no utterance may have left the engine before the renderer prepares

Waveforms = list[npt.NDArray[np.float32]]


class Renderer(Protocol):
    """S3Gen, HiFT and watermark; called from every thread of the stage."""

    @property
    def is_watermarked(self) -> bool:
        """Whether waveforms carry the watermark."""

    @property
    def first_tokens(self) -> int:
        """Length of the longest first sounds that are rendered beside other batches; 0 if none."""

    def batch_share(self, utterance: Utterance, speech_tokens: SpeechTokens) -> float:
        """Return how much of a batch an utterance fills; an average one counts 1."""

    def render(
        self, utterances: Sequence[Utterance], speech_tokens: Sequence[SpeechTokens]
    ) -> Waveforms:
        """Make one waveform (S,) per utterance."""

    def prepare(self) -> bool:
        """Prepare for batches of one more length; return whether more lengths are left."""

    def check_health(self) -> None:
        """Raise if the device is no longer usable."""


class SoundStage:
    """Batches the utterance whose turn it is with others of similar length.

    With several threads, one batch is prepared while another is computed. The more utterances are
    still to come, the larger a batch must be: a small one takes GPU time from T3, which would soon
    have made it larger. The first sound of a stream is made at once: it is short, and longer ones
    would delay it. While the engine is empty, the renderer prepares for batch lengths that it has
    not seen yet.
    """

    def __init__(
        self,
        renderer: Renderer,
        batch: int,
        count_unfinished: Callable[[], Mapping[Heard, int]],
        *,
        cores: int | None = None,
        threads: int = 1,
        backlog: Backlog | None = None,
    ) -> None:
        """Start `threads` threads, each limited to `cores` cores.

        If the renderer makes first sounds beside other batches, another thread has these made.

        `batch`: the limit on the sum of the utterances' shares in one batch.
        `count_unfinished` counts the utterances in the whole engine, this stage included, by how
        soon they are heard. `backlog` receives the number of full batches that wait.
        """
        self._renderer = renderer
        self._batch = batch
        self._first_tokens = renderer.first_tokens
        self._rules = BatchRules(batch, _MOST_FIRST if self._first_tokens else None)
        self._count_unfinished = count_unfinished
        self._backlog = backlog or Backlog()  # without T3 beside it, nobody asks for anything
        self._backlog.on_calm = self.recount
        self._waiting: list[QueuedUtterance] = []
        # Several threads may try to answer one utterance; whoever removes it from this set does.
        self._running: set[QueuedUtterance] = set()
        self._changed = threading.Condition()
        self._ended: EngineDied | None = None
        self._is_closing = False
        self._may_prepare = True  # False while a thread prepares, and when all is prepared
        self._left_at = time.monotonic()  # when an utterance last left the engine
        whether_beside = [True] * bool(self._first_tokens) + [False] * threads
        self._threads = [
            StageThread("sound", partial(self._loop, is_beside=each), self._fail_all, cores)
            for each in whether_beside
        ]

    def start(self, utterance: Utterance, speech_tokens: SpeechTokens) -> Future[Speech]:
        """Queue one utterance's tokens; its future never fails because of another utterance."""
        share = self._renderer.batch_share(utterance, speech_tokens)
        kind = heard(utterance.turn)
        queued = QueuedUtterance(utterance, speech_tokens, share, Future(), kind)
        with self._changed:
            if self._ended is None:
                self._set_waiting([*self._waiting, queued])
                self._changed.notify_all()  # not each thread renders each kind
                return queued.future
        fail(queued.future, self._ended)
        return queued.future

    def recount(self) -> None:
        """Check again whether a batch may start: an utterance has left, or T3 no longer hurries."""
        with self._changed:
            self._left_at = time.monotonic()
            self._changed.notify_all()

    def is_alive(self) -> bool:
        """Whether the stage still renders tokens."""
        return self._ended is None and all(thread.is_alive() for thread in self._threads)

    def abort(self) -> None:
        """Fail the utterances that wait; the running batch is still finished."""
        with self._changed:
            self._ended = self._ended or EngineDied("the speech engine was stopped")
            self._changed.notify_all()

    def close(self) -> None:
        """Finish everything queued and end the threads."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _loop(self, *, is_beside: bool) -> None:
        while (batch := self._next_batch(is_beside=is_beside)) is not None:
            if batch:
                self._render(batch)
            else:
                self._prepare()
        if self._ended is not None:
            self._fail_waiting(self._ended)

    def _next_batch(self, *, is_beside: bool) -> list[QueuedUtterance] | None:
        """Wait for a batch. An empty list means "idle, so prepare"; None means "stop".

        `is_beside`: of those that are made beside the other batches, or of all others. That thread
        prepares nothing, because a first sound must not wait for a preparation.
        """
        with self._changed:
            while True:
                self._changed.wait_for(
                    lambda: self._ready(is_beside) or self._is_closing or self._ended,
                    self._idle_in_s() if self._may_prepare and not is_beside else None,
                )
                self._set_waiting([one for one in self._waiting if not one.future.cancelled()])
                if self._ended is not None:
                    return None
                if batch := self._ready(is_beside):
                    return self._take(batch)
                if self._is_closing:
                    return None
                if self._may_prepare and not is_beside and self._is_idle():
                    self._may_prepare = False
                    return []

    def _idle_in_s(self) -> float:
        """Return how soon the engine may count as idle."""
        left_s = self._left_at + _IDLE_S - time.monotonic()
        return left_s if left_s > 0 or self._is_idle() else _IDLE_S

    def _is_idle(self) -> bool:
        """Whether nothing is spoken: not between two utterances that follow each other either."""
        is_long_ago = time.monotonic() - self._left_at >= _IDLE_S
        return is_long_ago and not any(self._count_unfinished().values())

    def _prepare(self) -> None:
        try:
            has_more = self._renderer.prepare()
        except Exception as error:  # noqa: BLE001 - a kernel may raise anything, and no caller waits for this
            self._renderer.check_health()
            log.warning("not_prepared", error=repr(error))
            has_more = False
        with self._changed:
            self._may_prepare = has_more

    def _ready(self, is_beside: bool) -> list[QueuedUtterance]:  # noqa: FBT001 - as in `_next_batch`
        """Return the batch that may start now, if any; always one once T3 has nothing left."""
        waiting = [one for one in self._waiting if self._is_beside(one) == is_beside]
        running = Counter(one.heard for one in self._running)
        unfinished = self._count_unfinished()
        to_come = {kind: unfinished.get(kind, 0) - running[kind] for kind in Heard}
        kind = self._rules.choose(waiting, to_come, is_hurrying=self._backlog.is_hurrying)
        if waiting and self._is_closing:
            kind = min(one.heard for one in waiting)
        return [] if kind is None else self._rules.pick(waiting, kind)

    def _is_beside(self, one: QueuedUtterance) -> bool:
        return one.heard is Heard.FIRST and len(one) <= self._first_tokens

    def _set_waiting(self, waiting: list[QueuedUtterance]) -> None:
        self._waiting = waiting
        self._backlog.update(sum(one.share for one in waiting) / self._batch)

    def _take(self, batch: list[QueuedUtterance]) -> list[QueuedUtterance]:
        self._set_waiting([one for one in self._waiting if one not in batch])
        if self._waiting:
            self._changed.notify_all()  # a batch of another kind may be ready, too
        self._running.update(batch)
        for one in batch:
            steps = {"sound_began": time.monotonic(), "sound_batch": len(batch)}
            one.utterance.steps.update(steps, tokens=len(one))
        return batch

    def _render(self, batch: Sequence[QueuedUtterance]) -> None:
        try:
            waveforms = self._renderer.render(
                [one.utterance for one in batch], [one.speech_tokens for one in batch]
            )
        except Exception as error:  # noqa: BLE001 - a kernel may raise anything; the failing utterance is reported
            # Its traceback keeps the batch's tensors alive; free them before trying the halves.
            failure = error.with_traceback(None)
            failure.__context__ = None
        else:
            for one, waveform in zip(batch, waveforms, strict=True):
                self._answer(one, waveform)
            return
        self._find_culprit(batch, failure)

    def _find_culprit(self, batch: Sequence[QueuedUtterance], error: Exception) -> None:
        """Split a failed batch until the failing utterance is alone."""
        self._renderer.check_health()
        log.warning("render_failed", chunks=len(batch), error=repr(error))
        if len(batch) == 1:
            refusal = SpeechError(f"the chunk's tokens could not be made into sound: {error}")
            refusal.__cause__ = error
            self._refuse(batch[0], refusal)
            return
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            self._render(half)

    def _answer(self, one: QueuedUtterance, waveform: npt.NDArray[np.float32]) -> None:
        if not np.isfinite(waveform).all():
            self._refuse(one, SpeechError("the waveform is not finite: try another seed"))
            return
        speech = Speech(
            tokens=one.speech_tokens.tokens.numpy(),
            waveform=waveform,
            is_truncated=one.speech_tokens.is_truncated,
            is_watermarked=self._renderer.is_watermarked,
        )
        if self._take_out(one):
            one.utterance.steps["sound_made"] = time.monotonic()
            succeed(one.future, speech)

    def _refuse(self, one: QueuedUtterance, refusal: SpeechError) -> None:
        if self._take_out(one):
            fail(one.future, refusal)

    def _take_out(self, one: QueuedUtterance) -> bool:
        """Claim the utterance; True obliges the caller to answer it."""
        with self._changed:
            was_running = one in self._running
            self._running.discard(one)
        return was_running

    def _fail_waiting(self, died: EngineDied) -> None:
        with self._changed:
            waiting = self._waiting
            self._set_waiting([])
        for one in waiting:
            fail(one.future, died)

    def _fail_all(self, died: EngineDied) -> None:
        with self._changed:
            self._ended = died
            running = list(self._running)
            self._running.clear()
            self._changed.notify_all()
        for one in running:
            fail(one.future, died)
        self._fail_waiting(died)
