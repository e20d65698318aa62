"""Encodes parts and stretches in other processes, which fetch the takes from the store themselves.

Handing megabytes of sound over would keep the process that serves the queue busy for longer than
everything else it does for a part; with many cores it would set the pace of them all.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from narration.bounded import BoundedCalls, TooLargeCallError, TooSlowError
from narration.errors import BusyError, EncoderDied, NotFoundError
from narration.settings import Profile, S3Profile, Settings
from narration.storage.interface import Storage
from narration.storage.keys import part_audio_key
from narration.storage.profiles import open_profile
from worker.assembly.lossless.stretches import StretchRequest, StretchSound, make_stretch
from worker.assembly.parts.request import PartAnswer, PartRequest, answer
from worker.chunk_audio import fetch_ahead, read_flac

ENCODE_S = 600.0  # of processor time; a part takes a second or two
MEMORY_BYTES = 8 << 30  # of addresses, which libraries reserve for every core
WAIT_S = 3600.0  # for a free process; whoever has one is done in seconds

Request = TypeVar("Request")
Takes = TypeVar("Takes")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTake:
    """A take in the store; `index` is the number of its chunk in the job."""

    index: int
    sha256: str


class PartEncoders:
    """Processes that encode parts; with none, the calling thread does."""

    def __init__(self, settings: Settings, store: Storage) -> None:
        """`store` is where takes lie, opened in this process; no process starts before its use."""
        self._store = store
        self._profile = settings.storage.profiles[settings.storage.work_profile]
        self._objects_dir = settings.objects_dir
        self._calls: BoundedCalls | None = None
        if settings.worker.encoder_count:
            preload = [__name__]
            preload += ["narration.storage.s3"] if isinstance(self._profile, S3Profile) else []
            self._calls = BoundedCalls(
                processes=settings.worker.encoder_count,
                memory_bytes=MEMORY_BYTES,
                wait_s=WAIT_S,
                preload=preload,
            )

    def encode(
        self,
        request: PartRequest,
        takes: Mapping[int, StoredTake],
        *,
        is_for_delivery: bool = False,
    ) -> PartAnswer:
        """Fetch the takes, by the numbers that the request gives them, and encode.

        What a delivery waits for goes before the parts of jobs that are still being spoken.
        Raises: LostAudio if a take is missing or damaged; StorageUnavailable; EncoderDied.
        """
        return self._call(_encode, request, takes, goes_first=is_for_delivery)

    def make_stretch(self, request: StretchRequest, takes: Sequence[StoredTake]) -> StretchSound:
        """Fetch the takes of a stretch of a lossless file, in order, and encode it.

        If no process is free, this thread does it: a delivery must not wait for the parts of other
        jobs at every stretch.
        Raises: as `encode`.
        """
        try:
            return self._call(_make_stretch, request, takes, wait_s=0.0, goes_first=True)
        except BusyError:
            return _make_stretch(self._store, request, takes)

    def read_parts(self, sha256s: Sequence[str]) -> list[bytes | None]:
        """Read stored parts; None for one that is missing or not what was stored.

        Free processes do it: asking a bucket for an object keeps the interpreter busy for some
        milliseconds, and a book has hundreds of parts. Files on a disk are read here.
        Raises: StorageUnavailable.
        """
        if isinstance(self._profile, S3Profile):
            with suppress(BusyError, EncoderDied):
                return self._call(_read_parts, sha256s, None, wait_s=0.0, goes_first=True)
        return _read_parts(self._store, sha256s, None)

    def close(self) -> None:
        """Stop every process."""
        if self._calls is not None:
            self._calls.close()

    def _call(
        self,
        function: Callable[[Storage, Request, Takes], Answer],
        request: Request,
        takes: Takes,
        *,
        wait_s: float | None = None,
        goes_first: bool = False,
    ) -> Answer:
        if self._calls is None:
            return function(self._store, request, takes)
        where = (self._profile, self._objects_dir)
        try:
            return self._calls.call(
                _call_apart,
                *where,
                function,
                request,
                takes,
                limit_s=ENCODE_S,
                wait_s=wait_s,
                goes_first=goes_first,
            )
        except (TooSlowError, TooLargeCallError) as error:
            raise EncoderDied from error


def _encode(store: Storage, request: PartRequest, takes: Mapping[int, StoredTake]) -> PartAnswer:
    flacs = _fetch(store, takes.values())
    return answer(request, dict(zip(takes, flacs, strict=True)))


def _make_stretch(
    store: Storage, request: StretchRequest, takes: Sequence[StoredTake]
) -> StretchSound:
    return make_stretch(request, list(_fetch(store, takes)))


def _read_parts(store: Storage, sha256s: Sequence[str], _: None) -> list[bytes | None]:
    return [_read_part(store, sha256) for sha256 in sha256s]


def _read_part(store: Storage, sha256: str) -> bytes | None:
    try:
        fragment = store.get(part_audio_key(sha256))
    except NotFoundError:
        return None
    return fragment if hashlib.sha256(fragment).hexdigest() == sha256 else None


def _fetch(store: Storage, takes: Iterable[StoredTake]) -> Iterator[bytes]:
    return fetch_ahead(lambda take: read_flac(store, take.sha256, index=take.index), takes)


def _call_apart(
    profile: Profile,
    objects_dir: Path,
    function: Callable[[Storage, Request, Takes], Answer],
    request: Request,
    takes: Takes,
) -> Answer:
    return function(_open(profile, objects_dir), request, takes)


@cache
def _open(profile: Profile, objects_dir: Path) -> Storage:
    """Open the store once in each process: its connections are kept."""
    return open_profile(profile, objects_dir)
