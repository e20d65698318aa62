"""How loud voices are with this engine, measured on fixed sentences and stored.

A level depends on voice and engine alone, never on what was spoken before, so a job gets the same
gain whichever worker starts it.
"""

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from narration.engine import EngineIdentity
from narration.errors import SpeechError
from narration.sound.gain import Loudness, VoiceLevel, choose_gain, measure_voice
from narration.voices.levels import LevelKey, find_level, level_key, store_level
from worker.context import WorkerContext
from worker.engine.types import Delivery, Speech, SpeechEngine, Utterance
from worker.rendering.edges import trim_edges

if TYPE_CHECKING:
    from worker.chatterbox.voice import Voice

# Statements, a question and dialogue, because a voice reads some of them louder than others.
SENTENCES = (
    "The harbour lay quiet under a thin morning fog, and the first boats were already out.",
    "She closed the ledger, put on her coat and walked down to the station without a word.",
    "Is there any reason why nobody told us about the change of plan?",
    '"Hold the lantern a little higher," he said, "or we shall never find the path."',
)
TIMEOUT_S = 1800.0  # kernels may have to be compiled first


class VoiceLevels:
    """Levels by voice; its methods may be called from many threads."""

    def __init__(
        self, context: WorkerContext, engine: SpeechEngine, identity: EngineIdentity
    ) -> None:
        self._context = context
        self._engine = engine
        self._identity = identity
        self._guard = threading.Lock()
        self._levels: dict[LevelKey, VoiceLevel | None] = {}

    def gain_db(self, owner: str, voice: "Voice", loudness: Loudness | None) -> float:
        """Return the initial gain of a programme spoken with this voice.

        `owner` is empty for the voices of the model.
        Raises: EngineDied; DatabaseUnavailable.
        """
        level = self.find(owner, voice) if loudness is not None else None
        return choose_gain(level, loudness) if level and loudness else 0.0

    def find(self, owner: str, voice: "Voice") -> VoiceLevel | None:
        """Return a voice's level, measured now if it was not before; None if it is silent."""
        key = LevelKey(
            owner=owner,
            key=level_key(voice.digest, self._identity),
            voice_digest=voice.digest,
        )
        if key in self._levels:  # without the guard, which is held while a voice is measured
            return self._levels[key]
        with self._guard:  # one at a time: other threads would only repeat the measurement
            if key not in self._levels:
                self._levels[key] = self._look_up(key) or self._measure(key, voice)
            return self._levels[key]

    def speak(self, voice: "Voice") -> Any:
        """Return the waveform of the first sentence in this voice; None if it could not be spoken.

        Raises: EngineDied.
        """
        return _waveform(self._engine.submit(_utterance(SENTENCES[0], voice)))

    def _look_up(self, key: LevelKey) -> VoiceLevel | None:
        with self._context.session(is_read_only=True) as session:
            row = find_level(session, key)
        return row.level if row is not None else None

    def _measure(self, key: LevelKey, voice: "Voice") -> VoiceLevel | None:
        futures = [self._engine.submit(_utterance(text, voice)) for text in SENTENCES]
        level = measure_voice([w for w in map(_waveform, futures) if w is not None])
        with self._context.session() as session:
            store_level(session, key, level, now=self._context.clock())
        return level


def _utterance(text: str, voice: "Voice") -> Utterance:
    return Utterance(text=text, voice=voice, delivery=Delivery(), seed=0)


def _waveform(future: Future[Speech]) -> Any:
    try:
        return trim_edges(future.result(timeout=TIMEOUT_S).waveform)
    except SpeechError:
        return None  # the other sentences are enough
