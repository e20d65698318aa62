"""Workers that hum, in this process."""

from typing import Any

from tests.fakes import (
    TONE,
    FakeVoice,
    ToneEngine,
    load_fake_voice,
    make_fake_voice,
    save_fake_voice,
)
from worker.process import Speaker
from worker.voice_preparation import Voicing


def make_speaker(engine: ToneEngine | None = None, *, appetite: int = 32) -> Speaker:
    """Return a humming speaker with one bundled voice."""
    voice: Any = FakeVoice(digest="d" * 64)
    return Speaker(
        engine=engine or ToneEngine(),
        appetite=appetite,
        identity=TONE,
        bundled={"default": voice},
        load=load_fake_voice,
        voicing=Voicing(make=make_fake_voice, save=save_fake_voice),
    )
