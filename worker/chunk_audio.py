"""A chunk's sound as it is kept: FLAC, 24 bit, mono, 24 kHz, under the SHA-256 of its bytes."""

import hashlib
import io
from collections.abc import Iterable, Iterator

import numpy as np
import soundfile

from narration.errors import NotFoundError
from narration.keys import chunk_audio_key
from narration.models import Chunk
from narration.storage import Storage
from worker.audio.types import Clip, Waveform
from worker.chatterbox.config import SAMPLE_RATE_HZ

MEDIA_TYPE = "audio/flac"


class LostAudio(Exception):  # noqa: N818 - a state of the store, mended by speaking the chunk again
    """The stored sound of a chunk is missing or damaged."""


def store_chunk(store: Storage, waveform: Waveform) -> str:
    """Store a waveform and return its SHA-256; full scale is kept, what lies beyond is clipped."""
    file = io.BytesIO()
    soundfile.write(file, waveform, SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_24")
    flac = file.getvalue()
    sha256 = hashlib.sha256(flac).hexdigest()
    store.put(chunk_audio_key(sha256), flac, media_type=MEDIA_TYPE, is_write_once=True)
    return sha256


def read_chunk(store: Storage, chunk: Chunk) -> Waveform:
    """Read the sound of a chunk.

    Raises: LostAudio if it is missing or not what was stored; StorageUnavailable.
    """
    assert chunk.sha256 is not None
    try:
        flac = store.get(chunk_audio_key(chunk.sha256))
    except NotFoundError as error:
        raise LostAudio(f"chunk {chunk.index}: {error}") from error
    if hashlib.sha256(flac).hexdigest() != chunk.sha256:
        raise LostAudio(f"chunk {chunk.index}: the stored bytes have changed")
    waveform, _ = soundfile.read(io.BytesIO(flac), dtype="float32")
    return np.asarray(waveform, dtype=np.float32)


def read_clips(store: Storage, chunks: Iterable[Chunk]) -> Iterator[Clip]:
    """Read the sound of a job chunk by chunk, in order; only one is held at a time."""
    for chunk in chunks:
        yield Clip(waveform=read_chunk(store, chunk), pause_after_ms=chunk.pause_after_ms)


def find_lost(store: Storage, chunks: Iterable[Chunk]) -> list[int]:
    """Return the numbers of the chunks whose sound cannot be read any more."""
    lost: list[int] = []
    for chunk in chunks:
        try:
            read_chunk(store, chunk)
        except LostAudio:
            lost.append(chunk.index)
    return lost
