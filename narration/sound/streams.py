"""Encode sound as it arrives: each piece returns the bytes that can be sent to a listener.

The length is not known in advance and nothing can be corrected afterwards, so that headers give the
length as unknown.
"""

import struct
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Protocol

import av

from narration.sound.waveform import SAMPLE_RATE_HZ, Waveform, to_int16

_UNKNOWN = 0xFFFFFFFF  # as a size: read until the stream ends
_BYTES = 2
_PCM = 1


class StreamFormat(StrEnum):
    """The formats of a stream; `pcm` is 16-bit little-endian mono at 24 kHz without a header."""

    MP3 = "mp3"
    OPUS = "opus"
    AAC = "aac"
    FLAC = "flac"
    WAV = "wav"
    PCM = "pcm"


MEDIA_TYPES = {
    StreamFormat.MP3: "audio/mpeg",
    StreamFormat.OPUS: "audio/ogg",
    StreamFormat.AAC: "audio/aac",
    StreamFormat.FLAC: "audio/flac",
    StreamFormat.WAV: "audio/wav",
    StreamFormat.PCM: "audio/pcm",
}


class SoundStream(Protocol):
    """A stream in progress; used by one thread at a time."""

    def add(self, samples: Waveform) -> bytes:
        """Return the bytes for the next samples (S,); an encoder may hold back some of them."""

    def finish(self) -> bytes:
        """Return the end of the stream."""


def open_stream(stream_format: StreamFormat) -> SoundStream:
    """Begin a stream of 24 kHz, mono."""
    recipe = _RECIPES.get(stream_format)
    if recipe is not None:
        return _EncodedStream(recipe)
    return _PcmStream(_wav_header() if stream_format is StreamFormat.WAV else b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recipe:
    """A container that needs no seeking, and its encoder."""

    container: str
    codec: str
    bit_rate: int | None = None
    options: dict[str, str] = field(default_factory=dict)


_RECIPES = {
    # Without the frame that would contain the length, and the tags before it.
    StreamFormat.MP3: _Recipe(
        container="mp3",
        codec="libmp3lame",
        bit_rate=64_000,
        options={"write_xing": "0", "id3v2_version": "0"},
    ),
    StreamFormat.OPUS: _Recipe(
        container="ogg", codec="libopus", bit_rate=40_000, options={"page_duration": "100000"}
    ),
    StreamFormat.AAC: _Recipe(container="adts", codec="aac", bit_rate=64_000),
    StreamFormat.FLAC: _Recipe(container="flac", codec="flac"),
}


class _PcmStream:
    def __init__(self, header: bytes) -> None:
        self._header = header

    def add(self, samples: Waveform) -> bytes:
        header, self._header = self._header, b""
        return header + to_int16(samples).astype("<i2").tobytes()

    def finish(self) -> bytes:
        return self._header


class _Sink:
    """The output of FFmpeg, which cannot seek here."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._blocks.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._blocks)
        self._blocks.clear()
        return data


class _EncodedStream:
    def __init__(self, recipe: _Recipe) -> None:
        self._sink = _Sink()
        self._position = 0
        options = {"fflags": "+bitexact", "flush_packets": "1", **recipe.options}
        self._container = av.open(self._sink, "w", format=recipe.container, options=options)
        stream = self._container.add_stream(recipe.codec, rate=SAMPLE_RATE_HZ, layout="mono")
        assert isinstance(stream, av.AudioStream)
        if recipe.bit_rate is not None:
            stream.bit_rate = recipe.bit_rate
        self._stream = stream

    def add(self, samples: Waveform) -> bytes:
        if samples.size:
            frame = av.AudioFrame.from_ndarray(
                to_int16(samples)[None, :], format="s16", layout="mono"
            )
            frame.sample_rate = SAMPLE_RATE_HZ
            frame.time_base = Fraction(1, SAMPLE_RATE_HZ)
            frame.pts = self._position
            self._position += samples.size
            self._container.mux(self._stream.encode(frame))
        return self._sink.take()

    def finish(self) -> bytes:
        if self._position:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._sink.take()


def _wav_header() -> bytes:
    rate = SAMPLE_RATE_HZ
    form = struct.pack("<IHHIIHH", 16, _PCM, 1, rate, rate * _BYTES, _BYTES, 8 * _BYTES)
    sizes = struct.pack("<I", _UNKNOWN)
    return b"RIFF" + sizes + b"WAVEfmt " + form + b"data" + sizes
