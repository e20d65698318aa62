"""Fakes with the real interfaces: a broker that records, a model whose engine makes tones."""

import hashlib
import os
import signal
import threading
import time
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from narration.broker.interface import Listener, Subscription, Task
from narration.engine import EngineIdentity
from narration.errors import EngineDied, SpeechError
from worker.chatterbox.config import ACOUSTIC_TOKENS, SAMPLE_RATE_HZ, SAMPLES_PER_TOKEN
from worker.engine.types import Speech, Utterance
from worker.process import LoadedModel
from worker.rendering.voice_levels import SENTENCES
from worker.voice_preparation import VoiceMaker

TOKENS_PER_CHARACTER = 1.0  # 25 characters a second: fast, but within the checks
FADE_S = 0.02
UNSPEAKABLE = "unspeakable"  # a text with this word fails with SpeechError
MUMBLED = "mumbled"  # ... is silent in its first take
HOPELESS = "hopeless"  # ... is silent in every take
DEADLY = "deadly"  # ... kills the engine
POISONED = "poisoned"  # ... kills the process, as a driver bug would

TONE = EngineIdentity(
    model="tone",
    revision="0" * 64,
    back_end="tone",
    precision="float32",
    device="cpu",
    is_watermarked=False,
)


@dataclass(frozen=True)
class FakeVoice:
    """The part of a voice that rendering uses."""

    digest: str


def make_fake_voice(recording: Path) -> Any:
    return FakeVoice(digest=hashlib.sha256(recording.read_bytes()).hexdigest())


def load_fake_voice(path: Path) -> Any:
    return FakeVoice(digest=path.read_text())


def save_fake_voice(voice: Any, path: Path) -> None:
    path.write_text(voice.digest)


class RecordingBroker:
    """Records what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[Task, tuple[str, ...]]] = []
        self.notices: list[str] = []
        self.calls = 0

    def send(self, task: Task, *ids: str) -> None:
        self.sent.append((task, ids))

    def check(self) -> None:
        """Always available."""

    def publish(self, notices: Collection[str]) -> None:
        """Record notices, too."""
        self.notices += notices

    def subscribe(self, listener: Listener) -> Subscription | None:
        return None

    def call(self) -> bool:
        self.calls += 1
        return False

    def answer_calls(self, listener: Listener) -> Subscription | None:
        return None

    def hear_first_sounds(self, listener: Listener) -> Subscription | None:
        return None

    def take(self) -> list[tuple[Task, tuple[str, ...]]]:
        taken, self.sent = self.sent, []
        return taken


class ToneEngine:
    """A SpeechEngine without a model: each text, voice and seed has its own tone.

    Texts with one of the words above misbehave, so that tests can request every kind of failure.
    """

    def __init__(self, *, threads: int = 2, chunk_s: float = 0.0, is_sturdy: bool = False) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="tone")
        self._chunk_s = chunk_s
        self._is_sturdy = is_sturdy  # survives DEADLY
        self._is_alive = True
        self._takes: dict[str, int] = {}
        self._guard = threading.Lock()
        self.spoken: list[str] = []

    def submit(self, utterance: Utterance) -> Future[Speech]:
        if not self._is_alive:
            raise EngineDied
        return self._pool.submit(self._speak, utterance)

    def is_alive(self) -> bool:
        return self._is_alive

    def close(self) -> None:
        self._is_alive = False
        self._pool.shutdown()

    def _speak(self, utterance: Utterance) -> Speech:
        time.sleep(self._chunk_s)
        text = utterance.text.lower()
        if POISONED in text:
            os.kill(os.getpid(), signal.SIGKILL)
        if DEADLY in text and not self._is_sturdy:
            self._is_alive = False
        if not self._is_alive:
            raise EngineDied
        if UNSPEAKABLE in text:
            raise SpeechError("the model said nothing")
        with self._guard:
            if utterance.text not in SENTENCES:  # of no job: it measures a voice
                self.spoken.append(utterance.text)
            take = self._takes[utterance.text] = self._takes.get(utterance.text, 0) + 1
        is_silent = HOPELESS in text or (MUMBLED in text and take == 1)
        return make_tone(utterance, is_silent=is_silent)


def make_tone(utterance: Utterance, *, is_silent: bool = False) -> Speech:
    """Return the tone of an utterance: a pure function of text, voice, delivery and seed."""
    content = f"{utterance.text}|{utterance.voice.digest}|{utterance.delivery}|{utterance.seed}"
    random = np.random.default_rng(
        int.from_bytes(hashlib.sha256(content.encode()).digest()[:8], "big")
    )
    count = max(25, round(len(utterance.text) * TOKENS_PER_CHARACTER))
    tokens = random.integers(0, ACOUSTIC_TOKENS, count)
    time_s = np.arange(count * SAMPLES_PER_TOKEN) / SAMPLE_RATE_HZ
    pitch_hz = random.uniform(90, 350)
    syllables = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * time_s)
    edge = np.clip(np.minimum(time_s, time_s[-1] - time_s) / FADE_S, 0, 1)
    waveform = 0.2 * edge * syllables * np.sin(2 * np.pi * pitch_hz * time_s)
    return Speech(
        tokens=tokens,
        waveform=np.asarray(waveform * (not is_silent), dtype=np.float32),
        is_truncated=False,
        is_watermarked=False,
    )


def make_model(engine: ToneEngine | None = None, *, target_concurrency: int = 32) -> LoadedModel:
    """Return a model that makes tones, with one bundled voice."""
    voice: Any = FakeVoice(digest="d" * 64)
    return LoadedModel(
        engine=engine or ToneEngine(),
        target_concurrency=target_concurrency,
        identity=TONE,
        bundled={"default": voice},
        load=load_fake_voice,
        voice_maker=VoiceMaker(make=make_fake_voice, save=save_fake_voice, compare=lambda *_: 0.75),
    )
