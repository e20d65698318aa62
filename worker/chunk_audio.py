"""A chunk's sound as stored: FLAC, 24 bit, mono, 24 kHz, named by the SHA-256 of its bytes."""

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from narration.errors import NotFoundError, TransientError
from narration.sound.waveform import Waveform, decode_flac, encode_flac
from narration.storage.interface import Storage
from narration.storage.keys import chunk_audio_key

if TYPE_CHECKING:  # processes that only store sounds do not load the database layer
    from narration.jobs.record import Chunk

MEDIA_TYPE = "audio/flac"
AHEAD = 8  # objects fetched ahead of need: a bucket takes tens of milliseconds to answer

Item = TypeVar("Item")
Fetched = TypeVar("Fetched")


class LostAudio(TransientError):  # noqa: N818 - a state of the store; the chunk is spoken again
    """The stored sound of a chunk is missing or damaged."""


def store_chunk(store: Storage, waveform: Waveform) -> str:
    """Store a waveform and return the SHA-256 that names it."""
    return store_flac(store, encode_flac(waveform))


def store_flac(store: Storage, flac: bytes) -> str:
    """Store a waveform as FLAC bytes and return the SHA-256 that names them."""
    sha256 = hashlib.sha256(flac).hexdigest()
    store.put(chunk_audio_key(sha256), flac, media_type=MEDIA_TYPE, is_write_once=True)
    return sha256


def read_flac(store: Storage, sha256: str, *, index: int) -> bytes:
    """Read a take's stored FLAC bytes; `index` is the number of its chunk, for errors.

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
    assert chunk.sha256 is not None
    return decode_flac(read_flac(store, chunk.sha256, index=chunk.index))


def fetch_ahead(
    fetch: Callable[[Item], Fetched], items: Iterable[Item], *, ahead: int = AHEAD
) -> Generator[Fetched, None, None]:
    """Yield `fetch` of each item, in order, fetching up to `ahead` items in advance."""
    waiting: deque[Future[Fetched]] = deque()
    with ThreadPoolExecutor(ahead, thread_name_prefix="fetch") as pool:
        try:
            for one in items:
                waiting.append(pool.submit(fetch, one))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def clear_lost(store: Storage, chunks: "Iterable[Chunk]") -> list[int]:
    """Return the numbers of the chunks whose sound is lost, and delete what is stored of it.

    Sounds are written only once, so a damaged object would never be replaced.
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
