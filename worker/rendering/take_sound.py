"""Processes a waveform after it is spoken: judges, trims, measures and stores it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from narration.findings import Finding
from narration.settings import Profile
from narration.sound.take import measure_take
from narration.sound.waveform import Waveform
from narration.storage.interface import Storage
from narration.storage.profiles import open_profile
from worker.chunk_audio import store_chunk
from worker.rendering.edges import trim_edges
from worker.rendering.quality import judge


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenSound:
    """A take as the engine made it, and the text that it should say.

    Shapes: tokens (T,); waveform (S,).
    """

    tokens: npt.NDArray[np.int64]
    waveform: Waveform
    spoken_text: str
    is_truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSound:
    """A stored take: its digest, how long and loud it is, and what is wrong with it."""

    sha256: str
    samples: int
    level: bytes
    findings: tuple[Finding, ...]


StoreSound: TypeAlias = Callable[[SpokenSound], StoredSound]


def store_sound(store: Storage, sound: SpokenSound) -> StoredSound:
    """Judge a take and store its sound under its own digest.

    Raises: StorageUnavailable, OutputError.
    """
    findings = judge(
        sound.tokens, sound.waveform, sound.spoken_text, is_truncated=sound.is_truncated
    ).findings
    waveform = trim_edges(sound.waveform)
    # Measured while the store answers: a listener may wait for both.
    with ThreadPoolExecutor(1, thread_name_prefix="store") as pool:
        stored = pool.submit(store_chunk, store, waveform)
        level = measure_take(waveform).pack()
        sha256 = stored.result()
    return StoredSound(sha256=sha256, samples=waveform.size, level=level, findings=findings)


def open_store_sound(profile: Profile, objects_dir: Path) -> StoreSound:
    """Return a function that stores takes in a profile, for a process that has nothing open yet."""
    store = open_profile(profile, objects_dir)
    return lambda sound: store_sound(store, sound)
