"""Writes a programme to a lossless file, under a temporary name until it is complete."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from narration.sound.waveform import Waveform, to_int16
from worker.assembly.files.flac import metadata_blocks, padding_for, write_metadata
from worker.assembly.replacing import replacing
from worker.assembly.types import AudioFormat, ChapterMark, Tags
from worker.chatterbox.config import SAMPLE_RATE_HZ

# The codec and the container options of each format. Other formats are joined from parts.
_CODECS: dict[AudioFormat, tuple[str, dict[str, str]]] = {
    AudioFormat.FLAC: ("flac", {}),
    AudioFormat.WAV: ("pcm_s16le", {"rf64": "auto"}),  # RF64 beyond 24 hours
}
# No timestamps and no random stream numbers, so that the same sound gives the same bytes.
_BITEXACT = {"fflags": "+bitexact"}


def encode(
    path: Path,
    blocks: Iterable[Waveform],
    audio_format: AudioFormat,
    *,
    tags: Tags,
    chapters: Sequence[ChapterMark] = (),
) -> None:
    """Write a programme as WAV, which holds few tags, or as FLAC.

    Raises: OutputError if it cannot be written; no file is left behind then.
    """
    with replacing(path) as partial:
        if audio_format is AudioFormat.FLAC:
            about = metadata_blocks(tags, chapters)
            padding = {"metadata_header_padding": str(padding_for(about))}
            _encode(partial, blocks, audio_format, padding, {})
            write_metadata(partial, about)
        else:
            _encode(partial, blocks, audio_format, {}, _metadata(tags))


def _encode(
    path: Path,
    blocks: Iterable[Waveform],
    audio_format: AudioFormat,
    options: dict[str, str],
    metadata: dict[str, str],
) -> None:
    codec, needed = _CODECS[audio_format]
    options = options | needed | _BITEXACT
    with av.open(str(path), "w", format=audio_format.value, options=options) as container:
        stream = container.add_stream(codec, rate=SAMPLE_RATE_HZ, layout="mono")
        assert isinstance(stream, av.AudioStream)
        container.metadata.update(metadata)
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
    """Regroup blocks to one second each: pauses may be tiny, and speech long."""
    waiting: list[Waveform] = []
    size = 0
    for block in blocks:
        waiting.append(block)
        size += block.size
        if size >= SAMPLE_RATE_HZ:
            joined = np.concatenate(waiting)
            cut = size - size % SAMPLE_RATE_HZ
            yield from np.split(joined[:cut], cut // SAMPLE_RATE_HZ)
            waiting, size = [joined[cut:]], size - cut
    if size:
        yield np.concatenate(waiting)


def _metadata(tags: Tags) -> dict[str, str]:
    fields = {
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
    return {key: text for key, text in fields.items() if text}
