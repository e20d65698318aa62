"""Derives from a job's rows what to encode and how loud it is; no sound is read."""

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from narration.jobs.part_audio import EncodedPart
from narration.jobs.part_sound import PartSound
from narration.jobs.record import Chunk
from narration.jobs.request import CAPTIONS, JobSettings
from narration.sound.gain import LevelSetting, Loudness
from narration.sound.take import TakeLevel, unpack_level
from worker.assembly.parts.codecs import AAC, CODECS, Codec
from worker.assembly.parts.plans import PartPlan, SpokenChunk, digest_part, plan_parts
from worker.assembly.types import AudioFormat
from worker.chatterbox.config import SAMPLE_RATE_HZ

_SIZE = struct.Struct("<I")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFormat:
    """A part in one format: its codec and plan, and the digest of all that shapes it."""

    codec: Codec
    plan: PartPlan
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartWork:
    """All formats to encode of the chunks [first, end) of a list.

    `level_digest` is None where the limiter does not act, as the level then follows from the rows.
    """

    first: int
    end: int
    formats: tuple[PartFormat, ...]
    level_digest: str | None

    @property
    def digests(self) -> list[str]:
        """The digests under which the results are stored."""
        digests = [part_format.digest for part_format in self.formats]
        return digests + ([self.level_digest] if self.level_digest else [])


def codecs_of(settings: JobSettings, *, is_listenable: bool) -> list[Codec]:
    """Return the encoders of a job's lossy outputs; some formats share one.

    If users may listen to unfinished jobs, every job with audio gets AAC.
    """
    formats = [AudioFormat(o.value) for o in settings.outputs if o not in CAPTIONS]
    codecs = [CODECS[f] for f in formats if f in CODECS]
    if formats and is_listenable:
        codecs.append(AAC)
    return list({codec.name: codec for codec in codecs}.values())


def loudness_of(settings: JobSettings) -> Loudness | None:
    """Return the loudness target of a job's sound; None if it has no sound or no target."""
    is_heard = any(output not in CAPTIONS for output in settings.outputs)
    chosen = settings.loudness if is_heard else None
    return Loudness(**chosen.model_dump()) if chosen else None


def levels_of(chunks: Iterable[Chunk]) -> list[TakeLevel]:
    """Return the levels that are stored in the rows."""
    return [unpack_level(chunk.level or b"") for chunk in chunks]


def plan_work(
    chunks: Sequence[Chunk],
    levels: Sequence[TakeLevel],
    cuts: Sequence[int],
    codecs: Sequence[Codec],
    setting: LevelSetting,
    *,
    breaks: frozenset[int] = frozenset(),
) -> list[PartWork]:
    """Plan what to encode of spoken chunks; `cuts` are the indices of the parts' first chunks.

    A new file starts at `breaks`, which are a subset of the cuts.
    """
    spoken = spoken_chunks(chunks, levels)
    level_text = setting.describe()
    plans = [plan_parts(spoken, cuts, codec, breaks=breaks) for codec in codecs]
    works: list[PartWork] = []
    for number, first in enumerate(cuts):
        end = cuts[number + 1] if number + 1 < len(cuts) else len(chunks)
        is_limited = any(setting.is_limiting(level.peak) for level in levels[first:end])
        works.append(
            PartWork(
                first=first,
                end=end,
                formats=tuple(
                    PartFormat(
                        codec=codec,
                        plan=plan[number],
                        digest=digest_part(plan[number], spoken, codec, level=level_text),
                    )
                    for codec, plan in zip(codecs, plans, strict=True)
                ),
                level_digest=_digest_level(spoken[first:end], level_text) if is_limited else None,
            )
        )
    return works


def spoken_chunks(chunks: Iterable[Chunk], levels: Iterable[TakeLevel]) -> list[SpokenChunk]:
    """Convert rows to what the planner of parts needs."""
    pairs = zip(chunks, levels, strict=True)
    return [_spoken_chunk(chunk, quiet_tail=level.quiet_tail) for chunk, level in pairs]


def pack_levels(levels: Iterable[bytes]) -> bytes:
    """Join the packed levels of a part's takes."""
    return b"".join(_SIZE.pack(len(level)) + level for level in levels)


def unpack_levels(data: bytes) -> list[TakeLevel]:
    """Read what `pack_levels` wrote."""
    levels: list[TakeLevel] = []
    position = 0
    while position < len(data):
        (size,) = _SIZE.unpack_from(data, position)
        position += _SIZE.size
        levels.append(unpack_level(data[position : position + size]))
        position += size
    return levels


def sounds_of(
    works: Sequence[PartWork], chunks: Sequence[Chunk], encoded: Mapping[str, EncodedPart]
) -> list[PartSound | None]:
    """Return what listeners get of each part; None for parts without AAC."""
    plans = [next((f for f in work.formats if f.codec.name == AAC.name), None) for work in works]
    followers = [*plans[1:], None]
    sounds: list[PartSound | None] = []
    for work, aac, follower in zip(works, plans, followers, strict=True):
        encoded_part = encoded.get(aac.digest) if aac else None
        if aac is None or encoded_part is None or encoded_part.sha256 is None:
            sounds.append(None)
            continue
        spoken = (_spoken_chunk(chunk, quiet_tail=0) for chunk in chunks[work.first : work.end])
        sounds.append(
            PartSound(
                sha256=encoded_part.sha256,
                samples=sum(chunk.samples + chunk.pause for chunk in spoken),
                packets=aac.plan.packets,
                ends_run=follower is None or follower.plan.begins_run,
            )
        )
    return sounds


def finished_levels(
    works: Iterable[PartWork],
    levels: Sequence[TakeLevel],
    setting: LevelSetting,
    measured: Mapping[str, bytes],
) -> list[TakeLevel]:
    """Return the level of every take after gain and limiter; `measured` has the measured ones."""
    finished: list[TakeLevel] = []
    for work in works:
        if work.level_digest is None:
            finished += [setting.scale(level) for level in levels[work.first : work.end]]
        else:
            finished += unpack_levels(measured[work.level_digest])
    return finished


def _spoken_chunk(chunk: Chunk, *, quiet_tail: int) -> SpokenChunk:
    assert chunk.sha256 is not None
    assert chunk.samples is not None
    return SpokenChunk(
        sha256=chunk.sha256,
        samples=chunk.samples,
        pause=chunk.pause_after_ms * SAMPLE_RATE_HZ // 1000,
        quiet_tail=quiet_tail,
    )


def _digest_level(chunks: Iterable[SpokenChunk], level_text: str) -> str:
    shape = ["level", level_text, [chunk.sha256 for chunk in chunks]]
    return hashlib.sha256(json.dumps(shape).encode()).hexdigest()
