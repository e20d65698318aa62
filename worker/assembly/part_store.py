"""A job's encoded sound: parts in the object store, and stretches of lossless files.

Parts are encoded where they are missing, read back and checked; stretches are not kept.
"""

import hashlib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

from narration.errors import EncoderDied
from narration.jobs.part_audio import EncodedPart, find_encoded, store_encoded
from narration.jobs.record import Chunk
from narration.mp4.packets import Packets, read_fragment
from narration.sound.gain import LevelSetting
from narration.sound.take import TakeLevel
from narration.storage.keys import part_audio_key
from worker.assembly.lossless.stretches import (
    Stretch,
    StretchRequest,
    StretchSound,
    plan_stretches,
)
from worker.assembly.part_encoders import StoredTake
from worker.assembly.parts.request import PartAnswer, PartRequest
from worker.assembly.sound import PartFormat, PartWork, pack_levels
from worker.assembly.types import Mark
from worker.chunk_audio import fetch_ahead
from worker.context import WorkerContext

FETCHED = 4  # parts per call of another process, each of half a megabyte
CALLS_AHEAD = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStore:
    """The parts of one job; `chunks` and `levels` have the numbers of the planned work.

    `is_for_delivery`: a delivery waits for them.
    """

    context: WorkerContext
    owner: str
    chunks: Sequence[Chunk]
    levels: Sequence[TakeLevel]
    setting: LevelSetting
    is_for_delivery: bool = False

    def find(self, works: Sequence[PartWork]) -> dict[str, EncodedPart]:
        """Return what was already encoded of these parts, by digest."""
        digests = [digest for work in works for digest in work.digests]
        with self.context.session() as session:
            return find_encoded(session, self.owner, digests, now=self.context.clock())

    def make(self, work: PartWork, encoded: Mapping[str, EncodedPart]) -> list[EncodedPart]:
        """Encode and store what is missing of a part, and return it.

        Raises: LostAudio if the sound of a chunk is missing or damaged; EncoderDied.
        """
        formats = [f for f in work.formats if f.digest not in encoded]
        is_measured = work.level_digest is not None and work.level_digest not in encoded
        if not formats and not is_measured:
            return []
        result = self._encode(formats, range(work.first, work.end) if is_measured else ())
        named = [(hashlib.sha256(fragment).hexdigest(), fragment) for fragment in result.fragments]
        parts = [
            EncodedPart(digest=part_format.digest, sha256=sha256, size_bytes=len(fragment))
            for part_format, (sha256, fragment) in zip(formats, named, strict=True)
        ]
        if is_measured:
            assert work.level_digest is not None
            parts.append(EncodedPart(digest=work.level_digest, level=pack_levels(result.levels)))
        with self.context.session() as session:
            store_encoded(session, self.owner, parts, now=self.context.clock())
        for sha256, fragment in named:
            self.context.stores.work.put(part_audio_key(sha256), fragment)
        for sha256, fragment in named:
            self.context.scratch.keep(sha256, fragment)  # for joining it, mostly here
        return parts

    def read(
        self, parts: Sequence[tuple[PartWork, PartFormat]], encoded: Mapping[str, EncodedPart]
    ) -> Generator[Packets, None, None]:
        """Yield parts in order, fetched ahead; encode again what is missing or damaged.

        Raises: LostAudio, EncoderDied.
        """

        def fetch(block: Sequence[tuple[PartWork, PartFormat]]) -> list[Packets]:
            fragments = self._fetch([encoded.get(part_format.digest) for _, part_format in block])
            return [
                read_fragment(fragment or self._make_again(*part))
                for part, fragment in zip(block, fragments, strict=True)
            ]

        blocks = [parts[start : start + FETCHED] for start in range(0, len(parts), FETCHED)]
        for block in fetch_ahead(fetch, blocks, ahead=CALLS_AHEAD):
            yield from block

    def make_stretches(
        self, chunks: range, marks: Sequence[Mark], samples: int, *, has_frames: bool
    ) -> Generator[StretchSound, None, None]:
        """Yield the sound of some chunks in order, each take read once, with FLAC frames if wanted.

        `marks` are where these chunks lie in a file of `samples` samples.
        Raises: LostAudio if the sound of a chunk is missing or damaged; EncoderDied.
        """

        def make(stretch: Stretch) -> StretchSound:
            own = chunks[stretch.first : stretch.last]
            request = StretchRequest(
                stretch=stretch,
                marks=tuple(marks[stretch.first : stretch.last]),
                peaks=tuple(self.levels[number].peak for number in own),
                setting=self.setting,
                has_frames=has_frames,
            )
            takes = [_take(self.chunks[number]) for number in own]
            return self.context.encoders.make_stretch(request, takes)

        stretches = plan_stretches(marks, samples)
        return fetch_ahead(make, stretches, ahead=self.context.encoder_count)

    def _make_again(self, work: PartWork, part_format: PartFormat) -> bytes:
        others = {f.digest for f in work.formats} - {part_format.digest}
        others |= {work.level_digest or ""}
        placeholders = {digest: EncodedPart(digest=digest) for digest in others}
        (fragment,) = self._fetch(self.make(work, placeholders))
        if fragment is None:
            raise EncoderDied("a part that was just stored is not there: is the store well?")
        return fragment

    def _fetch(self, parts: Sequence[EncodedPart | None]) -> list[bytes | None]:
        """Return the bytes of parts, checked; None for those that are missing or damaged."""
        names = [part.sha256 for part in parts if part is not None and part.sha256 is not None]
        found = {name: self._kept(name) for name in dict.fromkeys(names)}
        missing = [name for name, fragment in found.items() if fragment is None]
        if missing:
            found |= zip(missing, self.context.encoders.read_parts(missing), strict=True)
        return [found.get(part.sha256 or "") if part is not None else None for part in parts]

    def _kept(self, sha256: str) -> bytes | None:
        kept = self.context.scratch.take(sha256)
        is_whole = kept is not None and hashlib.sha256(kept).hexdigest() == sha256
        return kept if is_whole else None

    def _encode(self, formats: Sequence[PartFormat], measured: Sequence[int]) -> PartAnswer:
        numbers = {n for part_format in formats for n in part_format.plan.chunks} | set(measured)
        wanted = sorted(numbers)
        request = PartRequest(
            peaks={number: self.levels[number].peak for number in wanted},
            setting=self.setting,
            formats=tuple((f.codec, f.plan) for f in formats),
            measured=tuple(measured),
        )
        takes = {number: _take(self.chunks[number]) for number in wanted}
        return self.context.encoders.encode(request, takes, is_for_delivery=self.is_for_delivery)


def _take(chunk: Chunk) -> StoredTake:
    assert chunk.sha256 is not None
    return StoredTake(index=chunk.index, sha256=chunk.sha256)
