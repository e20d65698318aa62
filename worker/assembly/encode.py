"""A programme -> a file without loss, written under a temporary name and renamed when whole."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from narration.errors import OutputError
from narration.sound.waveform import Waveform, to_int16
from worker.assembly.types import AudioFormat, Tags
from worker.chatterbox.config import SAMPLE_RATE_HZ

# By format: the codec, and what its file needs. The other formats are joined from parts.
_CODECS: dict[AudioFormat, tuple[str, dict[str, str]]] = {
    AudioFormat.FLAC: ("flac", {}),
    AudioFormat.WAV: ("pcm_s16le", {"rf64": "auto"}),  # RF64 where 32-bit sizes end, 24 hours
}
# No time stamps, no random stream numbers: the same sound gives the same bytes.
_BITEXACT = {"fflags": "+bitexact"}


def encode(
    path: Path, blocks: Iterable[Waveform], audio_format: AudioFormat, *, tags: Tags
) -> None:
    """Write a programme as WAV or FLAC.

    Raises: OutputError if it cannot be written there; then nothing is left behind.
    """
    with replacing(path) as partial:
        _encode(partial, blocks, audio_format, tags)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name beside `path`; what is written there takes its place if all goes well."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        partial.replace(path)
    except (OSError, av.FFmpegError) as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f'"{path}" cannot be written ({reason}): choose another place or make room there'
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _encode(path: Path, blocks: Iterable[Waveform], audio_format: AudioFormat, tags: Tags) -> None:
    codec, options = _CODECS[audio_format]
    options = options | _BITEXACT
    with av.open(str(path), "w", format=audio_format.value, options=options) as container:
        stream = container.add_stream(codec, rate=SAMPLE_RATE_HZ, layout="mono")
        assert isinstance(stream, av.AudioStream)
        container.metadata.update(_metadata(tags))
        position = 0
        for block in _even(blocks):
            frame = av.AudioFrame.from_ndarray(
                to_int16(block)[None, :], format="s16", layout="mono"
            )
            frame.sample_rate = SAMPLE_RATE_HZ
            frame.time_base = Fraction(1, SAMPLE_RATE_HZ)
            frame.pts = position
            position += block.size
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _even(blocks: Iterable[Waveform]) -> Iterator[Waveform]:
    """Gather and cut blocks to one second: a chunk's pauses may be tiny or its speech long."""
    waiting: list[Waveform] = []
    size = 0
    for block in blocks:
        waiting.append(block)
        size += block.size
        if size >= SAMPLE_RATE_HZ:
            whole = np.concatenate(waiting)
            cut = size - size % SAMPLE_RATE_HZ
            yield from np.split(whole[:cut], cut // SAMPLE_RATE_HZ)
            waiting, size = [whole[cut:]], size - cut
    if size:
        yield np.concatenate(waiting)


def _metadata(tags: Tags) -> dict[str, str]:
    named = {
        "title": tags.title,
        "artist": tags.author,
        "album": tags.work_title,
        "album_artist": tags.author,
        "composer": tags.narrator,
        "genre": tags.genre,
        "date": tags.date,
        "publisher": tags.publisher,
        "comment": tags.comment,
    }
    return {key: text for key, text in named.items() if text}
