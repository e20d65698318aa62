"""A job's sound as one programme: measured once, then written in every format asked for."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from narration.errors import RhapsodeError
from narration.jobs.record import Chunk, Job, JobPlan
from narration.jobs.request import CAPTIONS, JobSettings, OutputFormat
from narration.jobs.stored import read_settings
from worker.assembly.captions import cues, write_srt, write_vtt
from worker.assembly.encode import encode
from worker.assembly.manifest import watermark_of
from worker.assembly.mixing import mix
from worker.assembly.probe import probe
from worker.assembly.tags import make_tags, mark_chapters
from worker.assembly.types import AudioFormat, Measurement, Picture
from worker.chatterbox.config import SAMPLE_RATE_HZ
from worker.level.gain import Loudness
from worker.waveform import Clip

NAMES = {output: "captions" if output in CAPTIONS else "audio" for output in OutputFormat}
MEDIA_TYPES = {
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
    ".m4b": "audio/mp4",
    ".vtt": "text/vtt",
    ".srt": "application/x-subrip",
}
TOLERANCE_S = 0.2  # lossy encoders add a frame or two at the ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """A job, its plan and chunks, and where each lies in the sound."""

    job: Job
    plan: JobPlan
    chunks: list[Chunk]
    measurement: Measurement
    cover: Picture | None = None

    @property
    def settings(self) -> JobSettings:
        """What the caller chose."""
        return read_settings(self.job.settings)

    @property
    def duration_ms(self) -> int:
        """How long it is."""
        return self.measurement.samples * 1000 // SAMPLE_RATE_HZ


def write_output(
    programme: Programme, output: OutputFormat, folder: Path, clips: Iterable[Clip]
) -> Path:
    """Write one output to a file and return it.

    Raises: RhapsodeError if the finished file does not hold what went into it.
    """
    path = folder / f"{NAMES[output]}.{output.value}"
    if output in CAPTIONS:
        path.write_text(_captions(programme, output), encoding="utf-8")
    else:
        _write_sound(programme, AudioFormat(output.value), path, clips)
    return path


def _write_sound(
    programme: Programme, audio_format: AudioFormat, path: Path, clips: Iterable[Clip]
) -> None:
    chosen = programme.settings.loudness
    loudness = Loudness(**chosen.model_dump()) if chosen else None
    encode(
        path,
        mix(clips, programme.measurement, loudness),
        audio_format,
        samples=programme.measurement.samples,
        chapters=mark_chapters(programme.plan, programme.measurement.marks),
        tags=make_tags(
            programme.job,
            programme.plan,
            watermark=watermark_of(programme.chunks),
            cover=programme.cover,
        ),
    )
    played_s = probe(path).duration_s
    if abs(played_s - programme.duration_ms / 1000) > TOLERANCE_S:
        raise RhapsodeError(
            f"{path.name} plays {played_s:.1f} s instead of {programme.duration_ms / 1000:.1f} s"
        )


def _captions(programme: Programme, output: OutputFormat) -> str:
    marks = programme.measurement.marks
    shown = cues(zip(marks, (chunk.caption for chunk in programme.chunks), strict=True))
    if output is OutputFormat.SRT:
        return write_srt(shown)
    return write_vtt(shown, mark_chapters(programme.plan, marks))
