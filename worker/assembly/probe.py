"""Reads a finished file back: a job succeeds only if a player could play its files."""

from pathlib import Path

import av

from narration.errors import OutputError
from worker.assembly.types import AudioFormat, Probe

_PER_SECOND = 1_000_000  # libav gives a container's duration in microseconds


def probe(path: Path) -> Probe:
    """Open a file, decode its first frame and return its duration and chapters.

    Raises: OutputError if it is not a playable audio file.
    """
    try:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            next(container.decode(stream))
            return Probe(
                format=_format(path, container.format.name),
                duration_s=(container.duration or 0) / _PER_SECOND,
                sample_rate_hz=stream.rate,
                channels=stream.codec_context.channels,
                chapters=tuple(mark["metadata"].get("title", "") for mark in container.chapters()),
            )
    except (OSError, av.FFmpegError, IndexError, StopIteration) as error:
        raise OutputError(
            f'"{path}" cannot be played back ({error or "no sound in it"}): write it again'
        ) from error


def _format(path: Path, container: str) -> AudioFormat:
    """Return the format by the container; the MP4 formats differ only in the file's ending."""
    names = set(container.split(","))
    if "mp4" in names:
        return AudioFormat.M4B if path.suffix.lower() == ".m4b" else AudioFormat.M4A
    return AudioFormat.OPUS if "ogg" in names else AudioFormat(container)
