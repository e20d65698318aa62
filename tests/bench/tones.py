"""A worker of the gpu queue that speaks without a model: `python -m tests.bench.tones`.

For `tests.bench.job --model tones`, which then measures all of the service but the engine. Each
text, voice and seed has a sound of its own, as long as it takes to read the text, at once.
"""

import hashlib
import sys
from concurrent.futures import Future

import numpy as np

from narration.broker.interface import Queue
from narration.settings import Settings, load_settings
from tests.bench.long_book import SOUNDS, make_sounds
from tests.fakes import make_model
from worker.app import run_worker
from worker.chatterbox.config import ACOUSTIC_TOKENS, SAMPLES_PER_TOKEN, TOKEN_RATE_HZ
from worker.engine.types import Speech, Utterance
from worker.process import LoadedModel

TONES = "tones"
CHARACTERS_PER_S = 15.0
CONCURRENCY = 590  # of the real engine on 80 GB


class TextTones:
    """A SpeechEngine that answers at once; a sound is a pure function of its utterance."""

    def __init__(self) -> None:
        self._sounds = list(make_sounds())
        self._is_alive = True

    def submit(self, utterance: Utterance) -> Future[Speech]:
        future: Future[Speech] = Future()
        future.set_result(self._speak(utterance))
        return future

    def is_alive(self) -> bool:
        return self._is_alive

    def close(self) -> None:
        self._is_alive = False

    def _speak(self, utterance: Utterance) -> Speech:
        content = f"{utterance.text}|{utterance.delivery}|{utterance.seed}"
        number = int.from_bytes(hashlib.sha256(content.encode()).digest()[:8], "big")
        count = max(25, round(len(utterance.text) / CHARACTERS_PER_S * TOKEN_RATE_HZ))
        sound = np.roll(self._sounds[number % SOUNDS], number % 100_000)
        return Speech(
            tokens=np.random.default_rng(number).integers(0, ACOUSTIC_TOKENS, count),
            waveform=np.resize(sound, count * SAMPLES_PER_TOKEN),
            is_truncated=False,
            is_watermarked=False,
        )


def load(_: Settings) -> LoadedModel:
    return make_model(TextTones(), target_concurrency=CONCURRENCY)  # type: ignore[arg-type]


def main() -> None:
    sys.exit(run_worker(load_settings(), frozenset({Queue.GPU}), load))


if __name__ == "__main__":
    main()
