import io
import struct

import av
import numpy as np
import pytest
import soundfile

from narration.sound.streams import StreamFormat, open_stream
from narration.sound.waveform import SAMPLE_RATE_HZ, Waveform

ENCODED = [kind for kind in StreamFormat if kind is not StreamFormat.PCM]
LOSSLESS = (StreamFormat.FLAC, StreamFormat.WAV)
FRAMES_S = 0.1  # what an encoder may add at both ends together


def tone(duration_s: float, hz: float = 220.0) -> Waveform:
    time_s = np.arange(round(duration_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return (0.3 * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


def write(kind: StreamFormat, *pieces: Waveform) -> list[bytes]:
    stream = open_stream(kind)
    return [*map(stream.add, pieces), stream.finish()]


def decode(data: bytes) -> tuple[int, Waveform]:
    with av.open(io.BytesIO(data)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
        frames = [f for frame in container.decode(audio=0) for f in resampler.resample(frame)]
        frames += resampler.resample(None)
        return container.streams.audio[0].rate, np.concatenate([f.to_ndarray()[0] for f in frames])


@pytest.mark.parametrize("kind", ENCODED)
def test_a_stream_decodes_to_what_was_put_in(kind: StreamFormat) -> None:
    sound = tone(3.0)
    _, decoded = decode(b"".join(write(kind, sound[:20_000], sound[20_000:20_007], sound[20_007:])))
    assert abs(decoded.size - sound.size) <= FRAMES_S * SAMPLE_RATE_HZ
    middle = decoded[SAMPLE_RATE_HZ : 2 * SAMPLE_RATE_HZ]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("kind", ENCODED)
def test_joints_between_pieces_cannot_be_heard(kind: StreamFormat) -> None:
    sound = tone(2.0)
    _, whole = decode(b"".join(write(kind, sound)))
    _, pieces = decode(b"".join(write(kind, *np.array_split(sound, 7))))
    assert np.array_equal(whole, pieces)


@pytest.mark.parametrize("kind", list(StreamFormat))
def test_most_of_a_piece_is_there_at_once(kind: StreamFormat) -> None:
    first, *_ = write(kind, tone(1.5), tone(1.5))
    if kind is StreamFormat.PCM:
        assert len(first) == 3 * SAMPLE_RATE_HZ
        return
    _, heard = decode(first)
    assert heard.size >= 1.2 * SAMPLE_RATE_HZ


@pytest.mark.parametrize("kind", LOSSLESS)
def test_what_is_lossless_is_so_to_the_sample(kind: StreamFormat) -> None:
    sound = tone(0.7)
    _, decoded = decode(b"".join(write(kind, sound)))
    assert np.abs(decoded - sound).max() <= 1 / 32768


def test_a_wav_stream_says_that_its_length_is_not_known() -> None:
    data = b"".join(write(StreamFormat.WAV, tone(0.5)))
    assert struct.unpack_from("<4sI4s4sIHHIIHH4sI", data) == (
        b"RIFF", 0xFFFFFFFF, b"WAVE", b"fmt ", 16, 1, 1, 24_000, 48_000, 2, 16, b"data", 0xFFFFFFFF
    )  # fmt: skip
    samples, rate_hz = soundfile.read(io.BytesIO(data))
    assert (len(samples), rate_hz) == (12_000, 24_000)


def test_pcm_is_nothing_but_samples() -> None:
    data = b"".join(write(StreamFormat.PCM, np.array([0, 0.5, -1, 2], dtype=np.float32)))
    assert struct.unpack("<4h", data) == (0, 16384, -32768, 32767)


@pytest.mark.parametrize("kind", list(StreamFormat))
def test_a_stream_without_sound_ends_without_an_error(kind: StreamFormat) -> None:
    stream = open_stream(kind)
    stream.finish()
