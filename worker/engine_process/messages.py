"""What a worker and the process of its engine say to each other, and how.

Messages are pickled whole: both ends are the same release on the same machine, and nobody else can
write to the pipe.
"""

import pickle
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum, auto
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from narration.engine import EngineIdentity
from narration.settings import ModelSettings, TelemetrySettings
from worker.chatterbox.voice import Voice
from worker.engine.types import Delivery, Turn

_VOICES_KEPT = 256  # a voice is about 200 kB


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The first message to the process: which model to load."""

    folder: Path
    cache_folder: Path
    model: ModelSettings
    telemetry: TelemetrySettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Speak:
    """An utterance; `voice` is None if the process has it already."""

    number: int
    text: str
    digest: str
    voice: Voice | None
    delivery: Delivery
    seed: int
    turn: Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Nobody wants this utterance any more."""

    number: int


class Function(Enum):
    """What the model does besides speaking; see VoiceMaker."""

    MAKE_VOICE = auto()
    COMPARE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A function of the model to be called."""

    number: int
    function: Function
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """The engine is to finish, and the process to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The first message of the process, unless loading failed: the engine speaks.

    `queue_limit`: how many utterances it takes at once.
    """

    identity: EngineIdentity
    target_concurrency: int
    queue_limit: int
    voices: dict[str, Voice]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The result of an utterance or a call; without a number, why the model was not loaded."""

    number: int | None
    result: Any = None
    error: Exception | None = None
    steps: dict[str, float] = field(default_factory=dict)  # of an utterance: see Utterance


Request = Speak | Cancel | Call | Close
Reply = Loaded | Answer


class RecentVoices:
    """The voices that were used last; in step at both ends, since both see the same utterances."""

    def __init__(self, kept: int = _VOICES_KEPT) -> None:
        self._kept = kept
        self._voices: OrderedDict[str, Voice] = OrderedDict()

    def use(self, digest: str, voice: Voice | None) -> Voice | None:
        """Return the voice that is kept under a digest; keep the given one if there is none."""
        known = self._voices.pop(digest, None)
        used = known or voice
        if used is not None:
            self._voices[digest] = used
        while len(self._voices) > self._kept:
            self._voices.popitem(last=False)
        return known


def send(pipe: Connection, message: object) -> None:
    """Send a message, one thread at a time. Raises: OSError if the other end is gone."""
    # Not `pipe.send`: torch would replace the tensors in it by handles of shared memory.
    pipe.send_bytes(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))


def receive(pipe: Connection) -> Any:
    """Wait for a message. Raises: EOFError or OSError if the other end is gone."""
    return pickle.loads(pipe.recv_bytes())  # noqa: S301 - see above
