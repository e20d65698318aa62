"""The input and output of a speech engine: the interface between rendering and the model."""

from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # tasks and rendering use these types and must not load torch
    from worker.chatterbox.voice import Voice


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How a chunk is to be spoken; the names and defaults are upstream Chatterbox's."""

    exaggeration: float = 0.5
    cfg_weight: float = 0.5
    temperature: float = 0.8
    repetition_penalty: float = 1.2
    min_p: float = 0.05
    top_p: float = 1.0


NORMAL_PRIORITY = 5  # the default of jobs that set no priority
HIGHEST_PRIORITY = 9  # that a caller may choose
STREAM_PRIORITY = HIGHEST_PRIORITY + 1  # of streams that somebody waits for
SHORT = 24  # chunks of an article, about five minutes, or of the beginning of a book

Turn = tuple[float, ...]
"""Who goes first where utterances wait: the lowest; see `make_turn`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One model call: a chunk's text as spoken, a voice, a delivery and a seed.

    `turn` never changes how an utterance sounds, only when it is spoken. The engine notes in
    `steps` when it has done what, in seconds of the monotonic clock, and beside how many others.
    """

    text: str
    voice: "Voice"
    delivery: Delivery
    seed: int
    turn: Turn = ()
    steps: dict[str, float] = field(default_factory=dict, compare=False, repr=False)


def make_turn(priority: int, index: int, due_s: float = 0.0) -> Turn:
    """Return the turn of a job's chunk: by priority, then in reading order.

    Among jobs of equal priority the one with less progress goes first, so that a book's first
    minute does not wait for the middle of another. Streams are played while they are spoken: their
    first chunks go first, the others by `due_s`, when they are heard, on a clock of all streams.
    By progress, an old stream's later chunks would wait for the earlier ones of all new streams.
    """
    if priority > HIGHEST_PRIORITY:
        return (-priority, due_s if index else 0.0, index)
    return (-priority, index)


class Heard(IntEnum):
    """How soon somebody hears an utterance; the lower, the sooner."""

    FIRST = 0  # the first sound of a stream: the silence before it is longest
    STREAMED = 1  # what a stream plays after that
    SOON = 2  # urgent, or in a short text or the first minutes of a long one
    LATER = 3


def heard(turn: Turn) -> Heard:
    """Return how soon an utterance is heard; one without a turn measures a voice for a job.

    In a job of low priority nothing is heard soon.
    """
    if turn and -turn[0] > HIGHEST_PRIORITY:
        return Heard.STREAMED if turn[-1] else Heard.FIRST
    if not turn or -turn[0] > NORMAL_PRIORITY:
        return Heard.SOON
    is_beginning = -turn[0] == NORMAL_PRIORITY and turn[-1] < SHORT
    return Heard.SOON if is_beginning else Heard.LATER


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """One spoken chunk.

    Shapes: tokens (T,) int64, all below ACOUSTIC_TOKENS; waveform (S,) float32 at 24 kHz.
    `is_truncated`: the token limit was reached before the model generated STOP.
    """

    tokens: npt.NDArray[np.int64]
    waveform: npt.NDArray[np.float32]
    is_truncated: bool
    is_watermarked: bool


class SpeechEngine(Protocol):
    """Chunks in, waveforms out: thread-safe, in any order, cancellable.

    `submit` blocks while the engine's queue is full (back-pressure). A future that is cancelled
    leaves the running batch at the next step. Futures fail with SpeechError (this utterance only)
    or EngineDied (all of them, for good).
    """

    def submit(self, utterance: Utterance) -> Future[Speech]:
        """Queue one utterance.

        Raises: EngineDied if the engine is closed or dead.
        """

    def is_alive(self) -> bool:
        """Return whether the engine still speaks."""

    def close(self) -> None:
        """Finish the utterances in flight, then free the model."""
