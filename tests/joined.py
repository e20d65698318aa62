"""A programme of synthetic speech, encoded in parts and in one go, and decoded again."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import av
import numpy as np
import soundfile

from narration.mp4.packets import read_fragment, write_fragment
from narration.sound.waveform import Waveform
from tests import one_go
from tests.sounds import speak
from worker.assembly.files.join import join_parts
from worker.assembly.parts.codecs import CODECS
from worker.assembly.parts.encode import encode_part
from worker.assembly.parts.plans import SpokenChunk, place_parts, plan_parts
from worker.assembly.types import AudioFormat, ChapterMark, Tags
from worker.chatterbox.config import SAMPLE_RATE_HZ

TAGS = Tags(title="Über die Brücke", author="A. Writer", watermark="perth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """Chunks and the pauses behind them."""

    waveforms: list[Waveform]
    chunks: list[SpokenChunk]

    @property
    def starts(self) -> list[int]:
        return list(accumulate((c.samples + c.pause for c in self.chunks), initial=0))

    @property
    def samples(self) -> int:
        return self.starts[-1]

    @property
    def sound(self) -> Waveform:
        pieces = zip(self.waveforms, self.chunks, strict=True)
        return np.concatenate(
            [part for w, c in pieces for part in (w, np.zeros(c.pause, dtype=np.float32))]
        )


def make_programme(chunk_s: Sequence[float], pause_ms: int) -> Programme:
    waveforms = [speak(duration_s, seed) for seed, duration_s in enumerate(chunk_s)]
    pause = pause_ms * SAMPLE_RATE_HZ // 1000
    chunks = [
        SpokenChunk(sha256=f"{seed:064}", samples=w.size, pause=pause)
        for seed, w in enumerate(waveforms)
    ]
    chunks[-1] = SpokenChunk(sha256="last", samples=waveforms[-1].size, pause=0)
    return Programme(waveforms=waveforms, chunks=chunks)


def join(
    path: Path,
    programme: Programme,
    cuts: Sequence[int],
    audio_format: AudioFormat,
    chapters: Sequence[ChapterMark] = (),
    *,
    tags: Tags = TAGS,
) -> list[int]:
    """Write a file from parts; return where each chunk begins in it."""
    codec = CODECS[audio_format]
    waveforms = dict(enumerate(programme.waveforms))
    plans = plan_parts(programme.chunks, cuts, codec)
    places = place_parts(programme.chunks, plans, codec)
    stored = (write_fragment(encode_part(plan, waveforms, codec), codec.packet) for plan in plans)
    join_parts(
        path,
        audio_format,
        places,
        map(read_fragment, stored),
        samples=programme.samples,
        tags=tags,
        chapters=chapters,
    )
    runs = {p.first: place.first_packet for p, place in zip(plans, places, strict=True)}
    starts = programme.starts
    return [
        runs[plan.run] * codec.packet + starts[number] - starts[plan.run]
        for plan in plans
        for number in range(plan.first, plan.end)
    ]


def encode_at_once(
    path: Path,
    programme: Programme,
    audio_format: AudioFormat,
    chapters: Sequence[ChapterMark] = (),
) -> None:
    one_go.encode_at_once(
        path,
        [programme.sound],
        audio_format,
        tags=TAGS,
        chapters=chapters,
        samples=programme.samples,
    )


def decode(path: Path) -> Waveform:
    """Decode a file with libav."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
        frames = [
            p.to_ndarray()[0] for f in container.decode(audio=0) for p in resampler.resample(f)
        ]
        frames += [p.to_ndarray()[0] for p in resampler.resample(None)]
    return np.concatenate(frames)


def decode_elsewhere(path: Path) -> Waveform:
    """Decode a file with libsndfile: mpg123 and libopus, without libav."""
    sound, rate_hz = soundfile.read(io.BytesIO(path.read_bytes()), dtype="float32")
    return sound[:: rate_hz // SAMPLE_RATE_HZ]
