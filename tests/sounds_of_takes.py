"""Takes as an engine makes them, and store functions that misbehave on request."""

import hashlib
import os
import signal
import time
from functools import partial
from pathlib import Path

import numpy as np

from narration.errors import StorageUnavailable
from worker.chatterbox.config import SAMPLE_RATE_HZ, TOKEN_RATE_HZ
from worker.rendering.take_sound import SpokenSound, StoredSound, StoreSound

DEADLY = "deadly"  # a take with this text kills the process that stores it
REFUSED = "refused"  # ... is rejected by the store
BROKEN = "broken"  # ... triggers a bug
SLOW = "slow"  # ... is stored slowly
STUCK = "stuck"  # ... is never stored


def make_sound(text: str, *, seconds: float = 1.0) -> SpokenSound:
    """Return a take that depends on its text."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    random = np.random.default_rng(seed)
    return SpokenSound(
        tokens=random.integers(0, 6561, round(seconds * TOKEN_RATE_HZ)),
        waveform=(0.1 * random.standard_normal(round(seconds * SAMPLE_RATE_HZ))).astype(np.float32),
        spoken_text=text,
        is_truncated=False,
    )


def store_oddly(marks: Path, sound: SpokenSound) -> StoredSound:
    """Return the digest of the received take, and record every try."""
    text = sound.spoken_text
    with (marks / hashlib.sha256(text.encode()).hexdigest()).open("a") as file:
        file.write("x")
    if DEADLY in text:
        os.kill(os.getpid(), signal.SIGKILL)
    if REFUSED in text:
        raise StorageUnavailable("the store does not answer")
    if BROKEN in text:
        raise ValueError("a bug")
    if SLOW in text:
        time.sleep(0.5)
    if STUCK in text:
        time.sleep(3600)
    digest = hashlib.sha256(sound.tokens.tobytes() + sound.waveform.tobytes()).hexdigest()
    return StoredSound(sha256=digest, samples=sound.waveform.size, level=b"", findings=())


def open_oddly(marks: Path) -> StoreSound:
    return partial(store_oddly, marks)


def open_never() -> StoreSound:
    os._exit(3)


def open_wrongly() -> StoreSound:
    raise ValueError("a bug")


def tries(marks: Path, text: str) -> int:
    path = marks / hashlib.sha256(text.encode()).hexdigest()
    return path.stat().st_size if path.exists() else 0
