"""A job's sound as one programme: measured once, then written in every requested format."""

import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from narration.errors import RhapsodeError
from narration.jobs.record import Chunk, Job, JobPlan
from narration.jobs.request import CAPTIONS, JobSettings, OutputFormat
from narration.jobs.stored import read_settings
from narration.storage.interface import Upload
from worker.assembly.captions import cues, write_srt, write_vtt
from worker.assembly.files.join import Follow, join_parts
from worker.assembly.lossless.stretches import StretchSound
from worker.assembly.lossless.write import write_lossless
from worker.assembly.manifest import watermark_of
from worker.assembly.parts.codecs import CODECS, Codec
from worker.assembly.parts.plans import place_parts
from worker.assembly.preparation import PreparedSound
from worker.assembly.probe import probe
from worker.assembly.sections import Section, divide
from worker.assembly.sharing import share
from worker.assembly.sound import PartFormat, PartWork, spoken_chunks
from worker.assembly.tags import make_tags, mark_chapters
from worker.assembly.types import AudioFormat, ChapterMark, Measurement, Picture, Tags

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
class OutputFile:
    """A complete file, the section of the programme in it, and the upload that it ends with."""

    path: Path
    section: Section
    upload: Upload


BeginUpload = Callable[[str], Upload]
"""Begins to store a file under its name, before it is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """A job, its plan and chunks, and its prepared sound."""

    job: Job
    plan: JobPlan
    chunks: list[Chunk]
    sound: PreparedSound
    cover: Picture | None = None

    @property
    def settings(self) -> JobSettings:
        """The job's settings."""
        return read_settings(self.job.settings)

    @property
    def measurement(self) -> Measurement:
        """Where each chunk is in the sound, and how long the whole is."""
        return self.sound.spoken


def write_outputs(
    programme: Programme, folder: Path, begin_upload: BeginUpload
) -> Generator[OutputFile, None, None]:
    """Write every output to a file, and yield each when it is complete.

    They are sent while they are written, for the caller to finish. Lossless ones are written at
    the same time, so that chunks are read only once, and beside the lossy ones.
    Raises: RhapsodeError if a finished file does not hold what went into it; LostAudio.
    """
    for section in divide(programme.settings, programme.plan, programme.measurement):
        yield from _write_section(programme, section, folder, begin_upload)


def _write_section(
    programme: Programme, section: Section, folder: Path, begin_upload: BeginUpload
) -> Generator[OutputFile, None, None]:
    outputs = programme.settings.outputs
    lossless = [o for o in outputs if o not in CAPTIONS and AudioFormat(o.value) not in CODECS]
    names = [file_name(output, section) for output in lossless]
    with ExitStack() as stack:
        uploads = {name: stack.enter_context(closing(begin_upload(name))) for name in names}
        pool = stack.enter_context(ThreadPoolExecutor(2, thread_name_prefix="beside"))
        stopped = threading.Event()
        stack.callback(stopped.set)  # before the pool waits for its thread
        written = pool.submit(_write_at_once, programme, section, folder, uploads, stopped)
        captioned = pool.submit(_write_captions, programme, section, folder)
        # The captions last: they are made while the sound is joined.
        others = [output for output in outputs if output not in lossless]
        for output in sorted(others, key=CAPTIONS.__contains__):
            if written.done():
                written.result()  # if it failed, nothing else needs to be written
            path = folder / file_name(output, section)
            with closing(begin_upload(path.name)) as upload:
                if output in CAPTIONS:
                    captioned.result()
                else:
                    _join_parts(programme, section, AudioFormat(output.value), path, upload.follow)
                    upload.complete(path)
                    _check_length(section, path)
                yield OutputFile(path=path, section=section, upload=upload)
        written.result()
        for name, upload in uploads.items():
            _check_length(section, folder / name)
            yield OutputFile(path=folder / name, section=section, upload=upload)


def size_of_outputs(programme: Programme) -> int:
    """Estimate the most disk space, in bytes, that outputs take at the same time."""
    samples = programme.measurement.samples
    audio = [o for o in programme.settings.outputs if o not in CAPTIONS]
    lossless = sum(AudioFormat(output.value) not in CODECS for output in audio)
    # All lossless files at 16 bit, and one lossy file of 64 kbit/s: a third of a byte per sample.
    return 2 * samples * lossless + (samples // 2 if len(audio) > lossless else 0)


def file_name(output: OutputFormat, section: Section) -> str:
    """Return the file name under which an output is delivered."""
    return f"{section.name or NAMES[output]}.{output.value}"


def _write_captions(programme: Programme, section: Section, folder: Path) -> None:
    wanted = [output for output in programme.settings.outputs if output in CAPTIONS]
    if not wanted:
        return
    marks = section.shift(programme.measurement.marks)
    own = programme.chunks[section.first : section.end]
    cue_list = cues(zip(marks, (chunk.caption for chunk in own), strict=True))
    for output in wanted:
        if output is OutputFormat.SRT:
            captions = write_srt(cue_list)
        else:
            captions = write_vtt(cue_list, _chapters(programme, section))
        (folder / file_name(output, section)).write_text(captions, encoding="utf-8")


def _join_parts(
    programme: Programme,
    section: Section,
    audio_format: AudioFormat,
    path: Path,
    follow: Follow,
) -> None:
    """Write a lossy format from its encoded parts, which are fetched ahead of need."""
    sound, codec = programme.sound, CODECS[audio_format]
    works = [work for work in sound.works if section.first <= work.first < section.end]
    parts = [(work, _format_of(work, codec)) for work in works]
    spoken = spoken_chunks(sound.chunks, sound.levels)
    join_parts(
        path,
        audio_format,
        place_parts(spoken, [part_format.plan for _, part_format in parts], codec),
        sound.store.read(parts, sound.encoded),
        samples=section.samples,
        tags=_tags(programme, section),
        chapters=_chapters(programme, section),
        follow=follow,
    )


def _write_at_once(
    programme: Programme,
    section: Section,
    folder: Path,
    uploads: Mapping[str, Upload],
    stopped: threading.Event,
) -> None:
    """Write all lossless files of a section at the same time, so that each take is read once.

    Raises: CancelledError once `stopped` is set.
    """
    formats = {name: AudioFormat(Path(name).suffix[1:]) for name in uploads}
    if not formats:
        return

    def write(name: str, sounds: Iterator[StretchSound]) -> None:
        write_lossless(
            folder / name,
            sounds,
            formats[name],
            tags=_tags(programme, section),
            chapters=_chapters(programme, section),
            follow=uploads[name].follow,
        )

    sounds = programme.sound.store.make_stretches(
        range(section.first, section.end),
        section.shift(programme.measurement.marks),
        section.samples,
        has_frames=AudioFormat.FLAC in formats.values(),
    )
    with closing(_until(stopped, sounds)) as followed:
        share(followed, [partial(write, name) for name in uploads])


def _until(
    stopped: threading.Event, sounds: Generator[StretchSound, None, None]
) -> Generator[StretchSound, None, None]:
    with closing(sounds):
        for sound in sounds:
            if stopped.is_set():
                raise CancelledError
            yield sound


def _check_length(section: Section, path: Path) -> None:
    played_s, expected_s = probe(path).duration_s, section.duration_ms / 1000
    if abs(played_s - expected_s) > TOLERANCE_S:
        raise RhapsodeError(f"{path.name} plays {played_s:.1f} s instead of {expected_s:.1f} s")


def _format_of(work: PartWork, codec: Codec) -> PartFormat:
    return next(f for f in work.formats if f.codec.name == codec.name)


def _chapters(programme: Programme, section: Section) -> list[ChapterMark]:
    if section.title is not None:
        return [ChapterMark(title=section.title, start=0)]
    return mark_chapters(programme.plan, programme.measurement.marks)


def _tags(programme: Programme, section: Section) -> Tags:
    watermark = watermark_of(programme.chunks)
    tags = make_tags(programme.job, programme.plan, watermark=watermark, cover=programme.cover)
    if section.title is None:
        return tags
    return replace(tags, title=section.title, album=tags.title)
