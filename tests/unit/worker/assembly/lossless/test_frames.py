"""FLAC frames of a stretch are those that one encoder gives for the whole."""

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from narration.sound.waveform import Waveform, to_int16
from tests.lossless import write
from tests.sounds import speak
from worker.assembly.lossless.frames import BLOCK, coded_number, encode_frames
from worker.assembly.types import Tags

BLOCKS = 2060  # frames from 128 and from 2048 on have longer numbers


def make_sound(samples: int) -> Waveform:
    """Return speech that repeats, with some silence, which gives frames of a few bytes."""
    sound = np.resize(speak(20, 3, 0.3), samples)
    sound[3 * BLOCK : 5 * BLOCK] = 0
    return sound


def encode_in_one_go(path: Path, samples: npt.NDArray[np.int16]) -> bytes:
    """Have libav write a whole file, and return what follows its metadata."""
    with av.open(str(path), "w", format="flac", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("flac", rate=24_000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = 24_000, Fraction(1, 24_000), 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path.read_bytes()


def parse(file: bytes) -> tuple[bytes, bytes]:
    """Return STREAMINFO and all frames of a file."""
    position, is_last = 4, False
    while not is_last:
        is_last = file[position] >= 0x80
        position += 4 + int.from_bytes(file[position + 1 : position + 4])
    return file[8 : 8 + 34], file[position:]


@pytest.fixture(scope="module")
def whole() -> tuple[npt.NDArray[np.int16], list[bytes]]:
    samples = to_int16(make_sound(BLOCKS * BLOCK + 777))
    return samples, encode_frames(samples, 0)


@pytest.mark.parametrize("cut", [1, 4, 127, 128, 129, 2047, 2048, 2049, BLOCKS])
def test_frames_do_not_depend_on_where_the_encoder_began(
    whole: tuple[npt.NDArray[np.int16], list[bytes]], cut: int
) -> None:
    samples, frames = whole
    assert encode_frames(samples[cut * BLOCK :], cut) == frames[cut:]


@pytest.mark.parametrize(
    "samples",
    [1, 777, BLOCK - 1, BLOCK, BLOCK + 1, 6 * BLOCK, BLOCKS * BLOCK, BLOCKS * BLOCK + 777],
)
@pytest.mark.parametrize("is_cut", [False, True])
def test_a_file_from_stretches_has_the_bytes_of_one_encoder(
    tmp_path: Path, samples: int, is_cut: bool
) -> None:
    sound = make_sound(samples)
    cuts = [c for c in (1, 700, 2304, 4000, 4100, 5000, 300_000, 301_000, 3_000_000) if is_cut]
    path = write(
        tmp_path / "a.flac", sound, cuts=[c for c in cuts if c < samples], tags=Tags(title="A")
    )
    expected = encode_in_one_go(tmp_path / "one.flac", to_int16(sound))
    assert parse(path.read_bytes()) == parse(expected)


@pytest.mark.parametrize("samples", [1, 777, BLOCK, 2 * BLOCK, 300_001])
def test_libsndfile_and_libav_decode_what_went_in(tmp_path: Path, samples: int) -> None:
    sound = make_sound(samples)
    path = write(tmp_path / "a.flac", sound, cuts=[c for c in (1000, 200_000) if c < samples])
    decoded, rate_hz = soundfile.read(path, dtype="int16")
    assert rate_hz == 24_000
    np.testing.assert_array_equal(decoded, to_int16(sound))
    with av.open(str(path)) as container:
        played = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    np.testing.assert_array_equal(np.concatenate(played), decoded)
    info = parse(path.read_bytes())[0]
    assert int.from_bytes(info[10:18]) & (1 << 36) - 1 == samples
    assert info[18:] == hashlib.md5(decoded.tobytes(), usedforsecurity=False).digest()


def test_a_file_without_samples_has_the_head_of_one(tmp_path: Path) -> None:
    file = write(tmp_path / "a.flac", make_sound(0)).read_bytes()
    info, frames = parse(file)
    assert (int.from_bytes(info[10:18]) & (1 << 36) - 1, frames) == (0, b"")
    assert info[18:] == hashlib.md5(b"", usedforsecurity=False).digest()
    with av.open(str(tmp_path / "a.flac")) as container:
        assert list(container.decode(audio=0)) == []


@pytest.mark.parametrize("number", [0, 127, 128, 2047, 2048, 65_535, 65_536, 0x10FFFF])
def test_numbers_are_coded_like_characters(number: int) -> None:
    assert coded_number(number) == chr(number).encode()


def test_numbers_go_beyond_characters() -> None:
    assert coded_number(0x1FFFFF).hex() == "f7bfbfbf"
    assert coded_number(0x200000).hex() == "f888808080"
    assert coded_number((1 << 36) - 1).hex() == "febfbfbfbfbfbf"
