"""What a worker and its engine's process say to each other, and how.

Messages are pickled: both ends are the same release on the same machine, and nobody else can write
to the pipe.
"""

import pickle
import traceback
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum, auto
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from narration.engine import EngineIdentity
from narration.errors import RhapsodeError
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
    """Nothing is under way: the process is to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The first message of the process: the engine speaks.

    `queue_limit`: how many utterances it takes at once.
    """

    identity: EngineIdentity
    target_concurrency: int
    queue_limit: int
    voices: dict[str, Voice]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotLoaded:
    """The first message instead of Loaded: why the model cannot be used."""

    error: Exception


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The result of an utterance or a call."""

    number: int
    result: Any = None
    error: Exception | None = None
    cause: OSError | None = None  # of the error, such as a full disk: pickling loses it
    steps: dict[str, float] = field(default_factory=dict)  # of an utterance: see Utterance


Request = Speak | Cancel | Call | Close
Reply = Loaded | NotLoaded | Answer


class RecentVoices:
    """The voices that were used last.

    Both ends use the same ones in the same order, so they keep the same.
    """

    def __init__(self, kept: int = _VOICES_KEPT) -> None:
        self._kept = kept
        self._voices: OrderedDict[str, Voice] = OrderedDict()

    def __contains__(self, digest: str) -> bool:
        """Tell whether a voice is kept."""
        return digest in self._voices

    def use(self, digest: str, voice: Voice | None) -> Voice:
        """Return the voice with this digest, and keep it; a voice that is kept need not be given.

        Raises: KeyError if it is neither kept nor given.
        """
        used = voice or self._voices[digest]
        self._voices[digest] = used
        self._voices.move_to_end(digest)
        while len(self._voices) > self._kept:
            self._voices.popitem(last=False)
        return used


def packed(message: object) -> bytes:
    """Pickle a message. Not `pipe.send`: torch would replace its tensors by shared memory."""
    return pickle.dumps(message, pickle.HIGHEST_PROTOCOL)


def send(pipe: Connection, message: object) -> None:
    """Send a message, one thread at a time. Raises: OSError if the other end is gone."""
    pipe.send_bytes(packed(message))


def receive(pipe: Connection) -> Any:
    """Wait for a message. Raises: EOFError or OSError if the other end is gone."""
    return pickle.loads(pipe.recv_bytes())  # noqa: S301 - see above


def portable(error: BaseException) -> Exception:
    """Return an error that can be sent; one that would not arrive as it is becomes text."""
    if not isinstance(error, RhapsodeError):
        return RuntimeError("".join(traceback.format_exception(error)))
    try:
        arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 - pickled here
    except Exception:  # noqa: BLE001 - whatever a constructor raises
        arrived = None
    is_the_same = type(arrived) is type(error) and str(arrived) == str(error)
    return error if is_the_same else RhapsodeError(str(error))
