"""The manifest: what was delivered, how it was made, and the outcome of every chunk.

It is written once and last: if it exists, the files it lists are complete.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Literal

from pydantic import BaseModel, ConfigDict

from narration.engine import EngineIdentity
from narration.findings import Finding
from narration.jobs.reading_record import ReadingRecord
from narration.jobs.record import Chunk, Job, JobPlan
from narration.jobs.request import JobSettings
from narration.jobs.stored import read_settings
from narration.jobs.work import WorkRecord
from narration.sound.gain import LevelSetting
from narration.storage.keys import manifest_key
from narration.text.types import SpanKind
from worker.assembly.types import Mark, Measurement
from worker.chatterbox.config import SAMPLE_RATE_HZ

WATERMARK = "perth-implicit"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class SourceRecord(_Part):
    """The document as it was submitted."""

    name: str
    media_type: str
    size_bytes: int
    sha256: str
    characters: int


class OutputRecord(_Part):
    """A file that was delivered."""

    name: str
    key: str
    media_type: str
    size_bytes: int
    sha256: str
    duration_ms: int | None
    chapter: int | None = None  # the number of its chapter, where each chapter is a file


class ChapterRecord(_Part):
    """A chapter and where it starts in the sound."""

    title: str
    part: str = ""  # the part of the work that it belongs to
    first_chunk: int
    number: int | None = None  # its number among all chapters of the document; None in old jobs
    start_s: float


class ChunkRecord(_Part):
    """A chunk: its position in the source and in the sound, and how it was spoken."""

    index: int
    chapter: int
    start: int
    end: int
    text: str
    spoken_text: str
    state: str
    take: int
    seed: int
    start_s: float
    duration_s: float
    pause_after_ms: int
    findings: tuple[Finding, ...]
    sha256: str


class SkipRecord(_Part):
    """Characters of the source that are not read aloud, and why."""

    start: int
    end: int
    reason: str


class ProgrammeRecord(_Part):
    """The whole sound, measured before and after its level was set."""

    duration_s: float
    lufs: float | None
    true_peak_db: float
    target_lufs: float | None = None
    gain_db: float = 0.0
    finished_lufs: float | None = None
    finished_true_peak_db: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelledSound:
    """A programme's sound as it was spoken and as it is delivered."""

    spoken: Measurement
    finished: Measurement
    setting: LevelSetting


class Manifest(_Part):
    """Everything about one finished job."""

    version: Literal[1] = 1
    rhapsode: str
    job_id: str
    attempt: int
    revision: int = 1  # of this delivery
    key: str
    folder: str  # the fencing number of the try that delivered the files
    created_at: datetime
    title: str | None
    author: str | None
    work: WorkRecord | None = None  # further metadata; None in old jobs
    source: SourceRecord
    settings: JobSettings
    engines: tuple[EngineIdentity, ...]
    voice_digest: str
    watermark: str | None  # None unless every chunk is watermarked
    programme: ProgrammeRecord
    outputs: list[OutputRecord]
    chapters: list[ChapterRecord]
    chunks: list[ChunkRecord]
    skipped: list[SkipRecord]
    reading: ReadingRecord | None = None  # None in jobs that an older version planned


def make_manifest(
    job: Job,
    plan: JobPlan,
    chunks: list[Chunk],
    sound: LevelledSound,
    outputs: list[OutputRecord],
    *,
    folder: str,
    now: datetime,
) -> Manifest:
    """Build the manifest of a job."""
    marks = sound.spoken.marks
    return Manifest(
        rhapsode=version("rhapsode"),
        job_id=job.id,
        attempt=job.attempt,
        revision=job.revision,
        key=manifest_key(job.destination_prefix, job.id, job.revision),
        folder=folder,
        created_at=now,
        title=job.title,
        author=job.author,
        work=WorkRecord.model_validate(plan.work) if plan.work else None,
        source=_source(job, plan),
        settings=read_settings(job.settings),
        engines=job.engines,
        voice_digest=job.voice_digest or "",
        watermark=watermark_of(chunks),
        programme=_programme(sound),
        outputs=outputs,
        chapters=[
            ChapterRecord(
                **asdict(chapter), start_s=marks[chapter.first_chunk].start / SAMPLE_RATE_HZ
            )
            for chapter in plan.chapters
        ],
        chunks=[_chunk(chunk, mark) for chunk, mark in zip(chunks, marks, strict=True)],
        skipped=[
            SkipRecord(start=start, end=end, reason=reason)
            for kind, start, end, reason in plan.spans
            if kind == SpanKind.SKIPPED
        ],
        reading=plan.reading,
    )


def watermark_of(chunks: list[Chunk]) -> str | None:
    """Return the watermark's name if all of the sound carries it."""
    return WATERMARK if all(chunk.is_watermarked for chunk in chunks) else None


def _programme(sound: LevelledSound) -> ProgrammeRecord:
    loudness = sound.setting.loudness
    return ProgrammeRecord(
        duration_s=sound.spoken.samples / SAMPLE_RATE_HZ,
        lufs=sound.spoken.lufs,
        true_peak_db=sound.spoken.true_peak_db,
        target_lufs=loudness and loudness.target_lufs,
        gain_db=sound.setting.gain_db,
        finished_lufs=sound.finished.lufs,
        finished_true_peak_db=sound.finished.true_peak_db,
    )


def _source(job: Job, plan: JobPlan) -> SourceRecord:
    return SourceRecord(
        name=job.source_name,
        media_type=job.source_media_type,
        size_bytes=job.source_size_bytes,
        sha256=job.source_sha256,
        characters=plan.characters,
    )


def _chunk(chunk: Chunk, mark: Mark) -> ChunkRecord:
    assert chunk.take is not None
    assert chunk.seed is not None
    assert chunk.sha256 is not None
    return ChunkRecord(
        index=chunk.index,
        chapter=chunk.chapter,
        start=chunk.start,
        end=chunk.end,
        text=chunk.text,
        spoken_text=chunk.spoken_text,
        state=chunk.state,
        take=chunk.take,
        seed=chunk.seed,
        start_s=mark.start / SAMPLE_RATE_HZ,
        duration_s=(mark.end - mark.start) / SAMPLE_RATE_HZ,
        pause_after_ms=chunk.pause_after_ms,
        findings=chunk.findings,
        sha256=chunk.sha256,
    )
