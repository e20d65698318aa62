"""The sound stage: finished tokens to waveforms, in batches of like length."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

import numpy as np
import numpy.typing as npt
import structlog

from narration.errors import EngineDied, SpeechError
from worker.chatterbox.t3.decoder import Spoken
from worker.engine.stage import StageThread, fail, succeed
from worker.engine.types import Speech, Utterance

log = structlog.get_logger()

_CROWD = 8  # utterances still to come for each in a batch that is not full, at most
_IDLE_S = 0.5  # without anything to say, before the renderer gets ready for more

Waveforms = list[npt.NDArray[np.float32]]


class Renderer(Protocol):
    """S3Gen, HiFT and watermark; used from as many threads as the stage has."""

    @property
    def is_watermarked(self) -> bool:
        """Tell whether waveforms carry the watermark."""

    def batch_share(self, utterance: Utterance, spoken: Spoken) -> float:
        """Tell how much of a batch an utterance is; an average one is 1."""

    def render(self, utterances: Sequence[Utterance], spoken: Sequence[Spoken]) -> Waveforms:
        """Make one waveform (S,) per utterance."""

    def prepare(self) -> bool:
        """Get ready for one more kind of batch; tell whether there are others."""

    def check_health(self) -> None:
        """Raise if the device will not compute again."""


@dataclass(frozen=True, slots=True, eq=False)
class _QueuedUtterance:
    utterance: Utterance
    spoken: Spoken
    weight: float
    future: Future[Speech]

    def __len__(self) -> int:
        return len(self.spoken.tokens)


class SoundStage:
    """Batches what waits around the utterance that has waited longest.

    With several threads, a batch that is large enough is prepared while another is computed. The
    more utterances are still to come, the larger a batch must be: small ones take the card from T3,
    whose next utterances make them large. While there is nothing to say the renderer gets ready for
    what may come.
    """

    def __init__(
        self,
        renderer: Renderer,
        batch: int,
        count_unfinished: Callable[[], int],
        *,
        cores: int | None = None,
        threads: int = 1,
        on_waiting: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Start `threads` of so many cores each.

        `batch`: what the shares of its utterances may add up to, if there are several.
        `count_unfinished`: utterances in the whole engine, those in this stage included.
        `on_waiting` is told how many batches those make up that wait for theirs.
        """
        self._renderer = renderer
        self._batch = batch
        self._count_unfinished = count_unfinished
        self._on_waiting = on_waiting
        self._waiting: list[_QueuedUtterance] = []
        self._running: set[_QueuedUtterance] = set()  # who takes a job out of it answers for it
        self._changed = threading.Condition()
        self._ended: EngineDied | None = None
        self._is_closing = False
        self._may_prepare = True  # false while a thread does, and once all is ready
        self._threads = [
            StageThread("sound", self._loop, self._fail_all, cores) for _ in range(threads)
        ]

    def start(self, utterance: Utterance, spoken: Spoken) -> Future[Speech]:
        """Queue one utterance's tokens; a failure of others never reaches its future."""
        queued = _QueuedUtterance(
            utterance, spoken, self._renderer.batch_share(utterance, spoken), Future()
        )
        with self._changed:
            if self._ended is None:
                self._set_waiting([*self._waiting, queued])
                self._changed.notify()
                return queued.future
        fail(queued.future, self._ended)
        return queued.future

    def recount(self) -> None:
        """Note that an utterance has left the engine: fewer may now be enough for a batch."""
        with self._changed:
            self._changed.notify_all()

    def is_alive(self) -> bool:
        """Tell whether tokens are still rendered."""
        return self._ended is None and all(thread.is_alive() for thread in self._threads)

    def abort(self) -> None:
        """Fail what waits; the batch under way is still finished."""
        with self._changed:
            self._ended = self._ended or EngineDied("the speech engine was stopped")
            self._changed.notify_all()

    def close(self) -> None:
        """Finish what is under way and end the threads."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _loop(self) -> None:
        while (batch := self._next_batch()) is not None:
            if batch:
                self._render(batch)
            else:
                self._prepare()
        if self._ended is not None:
            self._fail_waiting(self._ended)

    def _next_batch(self) -> list[_QueuedUtterance] | None:
        """Wait for a batch; an empty one is leisure to prepare, None the end."""
        with self._changed:
            while True:
                self._changed.wait_for(
                    lambda: self._has_enough() or self._is_closing or self._ended,
                    _IDLE_S if self._may_prepare else None,
                )
                self._set_waiting(
                    [queued for queued in self._waiting if not queued.future.cancelled()]
                )
                if self._ended is not None:
                    return None
                if self._has_enough() or (self._waiting and self._is_closing):
                    return self._pick()
                if self._is_closing:
                    return None
                if self._may_prepare and self._count_unfinished() == 0:
                    self._may_prepare = False
                    return []

    def _prepare(self) -> None:
        try:
            has_more = self._renderer.prepare()
        except Exception as error:  # noqa: BLE001 - a kernel may raise anything, and nobody waits for this
            self._renderer.check_health()
            log.warning("not_prepared", error=repr(error))
            has_more = False
        with self._changed:
            self._may_prepare = has_more

    def _has_enough(self) -> bool:
        """Tell whether a batch may begin; always, once T3 has nothing left to say."""
        to_come = self._count_unfinished() - len(self._running)
        is_crowd = len(self._waiting) >= max(1, -(-to_come // _CROWD))
        return is_crowd or sum(queued.weight for queued in self._waiting) >= self._batch

    def _set_waiting(self, waiting: list[_QueuedUtterance]) -> None:
        self._waiting = waiting
        self._on_waiting(sum(queued.weight for queued in waiting) / self._batch)

    def _pick(self) -> list[_QueuedUtterance]:
        """Take the oldest and those nearest to it in length, so that little is padding."""
        oldest = self._waiting[0]
        by_likeness = sorted(self._waiting, key=lambda queued: abs(len(queued) - len(oldest)))
        weights = accumulate(queued.weight for queued in by_likeness)
        batch = by_likeness[: max(1, sum(weight <= self._batch for weight in weights))]
        self._set_waiting([queued for queued in self._waiting if queued not in batch])
        self._running.update(batch)
        return batch

    def _render(self, batch: Sequence[_QueuedUtterance]) -> None:
        try:
            waveforms = self._renderer.render(
                [queued.utterance for queued in batch], [queued.spoken for queued in batch]
            )
        except Exception as error:  # noqa: BLE001 - a kernel may raise anything; the culprit is named
            # Its traceback holds the batch's tensors: they must go before the halves are tried.
            failure = error.with_traceback(None)
            failure.__context__ = None
        else:
            for queued, waveform in zip(batch, waveforms, strict=True):
                self._answer(queued, waveform)
            return
        self._find_culprit(batch, failure)

    def _find_culprit(self, batch: Sequence[_QueuedUtterance], error: Exception) -> None:
        """Split a batch that failed until only the culprit is left."""
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

    def _answer(self, queued: _QueuedUtterance, waveform: npt.NDArray[np.float32]) -> None:
        if not np.isfinite(waveform).all():
            self._refuse(queued, SpeechError("the waveform is not finite: try another seed"))
            return
        speech = Speech(
            tokens=queued.spoken.tokens.numpy(),
            waveform=waveform,
            is_truncated=queued.spoken.is_truncated,
            is_watermarked=self._renderer.is_watermarked,
        )
        if self._take_out(queued):
            succeed(queued.future, speech)

    def _refuse(self, queued: _QueuedUtterance, refusal: SpeechError) -> None:
        if self._take_out(queued):
            fail(queued.future, refusal)

    def _take_out(self, queued: _QueuedUtterance) -> bool:
        """Tell whether the job is still to be answered, which is then the caller's to do."""
        with self._changed:
            is_mine = queued in self._running
            self._running.discard(queued)
        return is_mine

    def _fail_waiting(self, died: EngineDied) -> None:
        with self._changed:
            batch = self._waiting
            self._set_waiting([])
        for queued in batch:
            fail(queued.future, died)

    def _fail_all(self, died: EngineDied) -> None:
        with self._changed:
            self._ended = died
            running = list(self._running)
            self._running.clear()
            self._changed.notify_all()
        for queued in running:
            fail(queued.future, died)
        self._fail_waiting(died)
