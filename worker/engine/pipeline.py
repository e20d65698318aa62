"""The engine: admission, token stage and sound stage in sequence; callers get futures.

It connects the two stages and touches no tensor. Each stage has its own threads, so finished
utterances are vocoded while others still decode.
"""

import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Self, TypeVar

from narration.errors import EngineDied, SpeechError
from worker.chatterbox.t3.prompt import Prompt, SpeechTokens
from worker.engine.admission import Admission
from worker.engine.slot_stage import SlotStage
from worker.engine.sound_stage import SoundStage
from worker.engine.stage import fail, succeed
from worker.engine.types import Speech, Turn, Utterance

T = TypeVar("T")


class PipelineEngine:
    """SpeechEngine over two stages; memory is bounded by the number of unfinished utterances.

    Callbacks added to the futures run on the engine's threads: they must be short.
    """

    def __init__(
        self,
        prepare: Callable[[Utterance], Prompt],
        tokens: SlotStage,
        sound: SoundStage,
        admission: Admission,
    ) -> None:
        self._prepare = prepare
        self._tokens = tokens
        self._sound = sound
        self._admission = admission

    def submit(self, utterance: Utterance) -> Future[Speech]:
        """Queue one utterance, waiting while the engine is full.

        Raises: EngineDied if the engine is closed or dead.
        """
        self._admission.enter(self.is_alive, utterance.turn)
        utterance.steps["admitted"] = time.monotonic()
        speech: Future[Speech] = Future()
        speech.add_done_callback(lambda _: self._leave(utterance.turn))
        try:
            speech_tokens = self._tokens.start(
                self._prepare(utterance), utterance.turn, utterance.steps
            )
        except SpeechError as error:
            fail(speech, error)
            return speech
        except BaseException as error:
            fail(speech, error)  # its callback releases the place
            raise
        _follow(speech_tokens, speech, lambda result: self._vocode(utterance, result, speech))
        return speech

    def is_alive(self) -> bool:
        """Return whether both stages still work."""
        return self._tokens.is_alive() and self._sound.is_alive()

    def close(self, *, abort: bool = False) -> None:
        """Finish the utterances in flight, or with `abort` fail them, and free the model."""
        self._admission.close()
        if abort:
            self._tokens.abort()
            self._sound.abort()
        self._admission.wait_empty()
        self._tokens.close()
        self._sound.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self.close(abort=kind is not None)

    def _leave(self, turn: Turn) -> None:
        self._admission.leave(turn)
        self._sound.recount()  # a batch may have been held back for this utterance

    def _vocode(
        self, utterance: Utterance, speech_tokens: SpeechTokens, speech: Future[Speech]
    ) -> None:
        if not len(speech_tokens.tokens):
            fail(speech, SpeechError("the model said nothing: try another seed"))
            return
        vocoded = self._sound.start(utterance, speech_tokens)
        vocoded.add_done_callback(self._abort_if_dead)
        _follow(vocoded, speech, lambda result: succeed(speech, result))

    def _abort_if_dead(self, vocoded: Future[Speech]) -> None:
        if not vocoded.cancelled() and isinstance(vocoded.exception(), EngineDied):
            self._tokens.abort()


def _follow(source: Future[T], target: Future[Speech], then: Callable[[T], None]) -> None:
    """Cancel the source with the target, and pass the source's outcome on."""
    # The source holds the target. If each held the other, a waveform would stay in memory until
    # the next full garbage collection.
    weak_source = weakref.ref(source)

    def cancel(completed: Future[Speech]) -> None:
        if completed.cancelled() and (still_under_way := weak_source()) is not None:
            still_under_way.cancel()

    def pass_on(completed: Future[T]) -> None:
        if completed.cancelled():
            return  # reached only when the target was cancelled
        error = completed.exception()
        if error is None:
            then(completed.result())
        else:
            fail(target, error)

    target.add_done_callback(cancel)
    source.add_done_callback(pass_on)
