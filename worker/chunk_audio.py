"""A chunk's sound as it is kept: FLAC, 24 bit, mono, 24 kHz, under the SHA-256 of its bytes."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import tee
from typing import TYPE_CHECKING, TypeVar

from narration.errors import NotFoundError
from narration.sound.waveform import Clip, Waveform, decode_flac, encode_flac
from narration.storage.interface import Storage
from narration.storage.keys import chunk_audio_key

if TYPE_CHECKING:  # processes that only store sounds load no database
    from narration.jobs.record import Chunk

MEDIA_TYPE = "audio/flac"
AHEAD = 8  # objects fetched before they are needed: a bucket answers in some ten milliseconds

Wanted = TypeVar("Wanted")
Fetched = TypeVar("Fetched")


class LostAudio(Exception):  # noqa: N818 - a state of the store, mended by speaking the chunk again
    """The stored sound of a chunk is missing or damaged."""


def store_chunk(store: Storage, waveform: Waveform) -> str:
    """Store a waveform and return the SHA-256 it is found under."""
    flac = encode_flac(waveform)
    sha256 = hashlib.sha256(flac).hexdigest()
    store.put(chunk_audio_key(sha256), flac, media_type=MEDIA_TYPE, is_write_once=True)
    return sha256


def read_flac(store: Storage, sha256: str, *, index: int) -> bytes:
    """Read a sound as it is stored; `index` is the number of its chunk, for errors.

    Raises: LostAudio if it is missing or not what was stored; StorageUnavailable.
    """
    try:
        flac = store.get(chunk_audio_key(sha256))
    except NotFoundError as error:
        raise LostAudio(f"chunk {index}: {error}") from error
    if hashlib.sha256(flac).hexdigest() != sha256:
        raise LostAudio(f"chunk {index}: the stored bytes have changed")
    return flac


def read_chunk(store: Storage, chunk: "Chunk") -> Waveform:
    """Read the sound of a chunk.

    Raises: LostAudio if it is missing or not what was stored; StorageUnavailable.
    """
    return decode_flac(_read_flac(store, chunk))


def read_clips(store: Storage, chunks: "Iterable[Chunk]") -> Iterator[Clip]:
    """Read the sound of a job chunk by chunk, in order; the next few are fetched meanwhile."""
    kept, fetched = tee(chunks)
    flacs = fetch_ahead(partial(_read_flac, store), fetched)
    for chunk, flac in zip(kept, flacs, strict=True):
        yield Clip(waveform=decode_flac(flac), pause_after_ms=chunk.pause_after_ms)


def fetch_ahead(
    fetch: Callable[[Wanted], Fetched], wanted: Iterable[Wanted], *, ahead: int = AHEAD
) -> Iterator[Fetched]:
    """Yield what `fetch` gives for each, in order, while as many as `ahead` are being fetched."""
    waiting: deque[Future[Fetched]] = deque()
    with ThreadPoolExecutor(ahead, thread_name_prefix="fetch") as pool:
        try:
            for one in wanted:
                waiting.append(pool.submit(fetch, one))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def clear_lost(store: Storage, chunks: "Iterable[Chunk]") -> list[int]:
    """Return the numbers of the chunks whose sound is lost, and make room for it.

    Sounds are written once: a damaged one would keep its place for ever.
    """
    lost: list[int] = []
    for chunk in chunks:
        try:
            read_chunk(store, chunk)
        except LostAudio:
            assert chunk.sha256 is not None
            store.delete(chunk_audio_key(chunk.sha256))
            lost.append(chunk.index)
    return lost


def _read_flac(store: Storage, chunk: "Chunk") -> bytes:
    assert chunk.sha256 is not None
    return read_flac(store, chunk.sha256, index=chunk.index)
