"""Lossy files written in one go by libav, as a reference for files joined from parts."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

from narration.sound.waveform import Waveform, to_int16
from worker.assembly.types import AudioFormat, ChapterMark, Tags
from worker.chatterbox.config import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from av.container.core import Chapter  # only the stub file has it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recipe:
    """How libav makes a format."""

    container: str
    codec: str
    bit_rate: int
    options: dict[str, str]
    codec_options: dict[str, str] = field(default_factory=dict)


# bitexact: no time stamps, no random stream numbers: the same sound gives the same bytes.
_EXACT = {"fflags": "+bitexact"}
_RECIPES = {
    AudioFormat.MP3: _Recipe(
        container="mp3",
        codec="libmp3lame",
        bit_rate=64_000,
        options=_EXACT,
        codec_options={"reservoir": "0"},
    ),
    AudioFormat.OPUS: _Recipe(container="ogg", codec="libopus", bit_rate=40_000, options=_EXACT),
    AudioFormat.M4A: _Recipe(
        container="ipod",
        codec="aac",
        bit_rate=64_000,
        options={**_EXACT, "movflags": "+faststart"},  # playable while it downloads
        codec_options={"aac_coder": "fast"},  # 350 times real time on a core instead of 150
    ),
}
_RECIPES[AudioFormat.M4B] = _RECIPES[AudioFormat.M4A]


def encode_at_once(
    path: Path,
    blocks: Iterable[Waveform],
    audio_format: AudioFormat,
    *,
    tags: Tags,
    chapters: Sequence[ChapterMark],
    samples: int,
) -> None:
    recipe = _RECIPES[audio_format]
    with av.open(str(path), "w", format=recipe.container, options=recipe.options) as container:
        stream = container.add_stream(
            recipe.codec, rate=SAMPLE_RATE_HZ, options=recipe.codec_options, layout="mono"
        )
        assert isinstance(stream, av.AudioStream), "every codec in the table is for sound"
        stream.bit_rate = recipe.bit_rate
        container.metadata.update(_metadata(tags))
        if chapters:
            container.set_chapters(_spans(chapters, samples))
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


def _spans(chapters: Sequence[ChapterMark], samples: int) -> "list[Chapter]":
    ends = [*(chapter.start for chapter in chapters[1:]), samples]
    return [
        {
            "id": index,
            "start": chapter.start,
            "end": end,
            "time_base": Fraction(1, SAMPLE_RATE_HZ),
            "metadata": {"title": chapter.title},
        }
        for index, (chapter, end) in enumerate(zip(chapters, ends, strict=False))
    ]


def _metadata(tags: Tags) -> dict[str, str]:
    named = {
        "title": tags.title,
        "artist": tags.author,
        "comment": f"watermark: {tags.watermark}" if tags.watermark else None,
    }
    return {key: text for key, text in named.items() if text}
