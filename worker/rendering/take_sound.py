"""Processes a waveform after it is spoken: judges, trims, measures and stores it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from narration.broker.first_sounds import FirstSound, FirstSoundSender, Waiting
from narration.findings import Finding
from narration.settings import Profile
from narration.sound.peaks import true_peak
from narration.sound.take import measure_take, pack_peak
from narration.sound.waveform import Waveform, encode_flac
from narration.storage.interface import Storage
from narration.storage.profiles import open_profile
from worker.chunk_audio import store_flac
from worker.rendering.edges import trim_edges
from worker.rendering.quality import judge


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenSound:
    """A take as the engine made it, the text that it should say, and who hears nothing until then.

    Shapes: tokens (T,); waveform (S,).
    """

    tokens: npt.NDArray[np.int64]
    waveform: Waveform
    spoken_text: str
    is_truncated: bool
    waiting: Waiting | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSound:
    """A stored take: its digest, how long and loud it is, and what is wrong with it."""

    sha256: str
    samples: int
    level: bytes
    findings: tuple[Finding, ...]


StoreSound: TypeAlias = Callable[[SpokenSound], StoredSound]


def store_sound(store: Storage, sender: FirstSoundSender, sound: SpokenSound) -> StoredSound:
    """Judge a take and store its sound under its own digest; first send it to whoever waits for it.

    Raises: StorageUnavailable, OutputError.
    """
    findings = judge(
        sound.tokens, sound.waveform, sound.spoken_text, is_truncated=sound.is_truncated
    ).findings
    waveform = trim_edges(sound.waveform)
    waiting = None if findings else sound.waiting  # with findings, another take may be kept
    with ThreadPoolExecutor(1, thread_name_prefix="measure") as pool:
        # Beside the encoding, except where somebody waits for the encoded sound.
        measured = pool.submit(measure_take, waveform) if waiting is None else None
        flac = encode_flac(waveform)
        if waiting is not None:
            level = pack_peak(true_peak(waveform))
            sender.send(FirstSound(waiting=waiting, level=level, flac=flac))
        measured = measured or pool.submit(measure_take, waveform)
        sha256 = store_flac(store, flac)
        level = measured.result().pack()
    return StoredSound(sha256=sha256, samples=waveform.size, level=level, findings=findings)


def open_store_sound(profile: Profile, objects_dir: Path, broker_url: str | None) -> StoreSound:
    """Return a function that stores takes in a profile, for a process that has nothing open yet."""
    return partial(store_sound, open_profile(profile, objects_dir), FirstSoundSender(broker_url))
