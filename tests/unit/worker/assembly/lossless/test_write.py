import errno
import hashlib
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from narration.errors import OutputError, SpeechError
from narration.sound.waveform import Waveform
from tests.lossless import stretches, write
from worker.assembly.lossless.stretches import StretchSound
from worker.assembly.lossless.write import write_lossless
from worker.assembly.probe import probe
from worker.assembly.types import AudioFormat, Tags
from worker.chatterbox.config import SAMPLE_RATE_HZ

_LOSSLESS = [AudioFormat.WAV, AudioFormat.FLAC]
_DURATION_S = 4
_TAGS = Tags(title="Über die Brücke", author="A. Writer", watermark="perth")


def _sound() -> Waveform:
    t = np.arange(_DURATION_S * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    return (0.3 * np.sin(2 * np.pi * (200 + 50 * t) * t)).astype(np.float32)


def _write(path: Path) -> Path:
    return write(path, _sound(), cuts=[1, 100, 30_000, 30_000, 90_001], tags=_TAGS)


def _decode(path: Path) -> Waveform:
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
        frames = [
            part.to_ndarray()[0]
            for f in container.decode(audio=0)
            for part in resampler.resample(f)
        ]
        frames += [part.to_ndarray()[0] for part in resampler.resample(None)]
    return np.concatenate(frames)


@pytest.fixture(params=_LOSSLESS, ids=str)
def audio_format(request: pytest.FixtureRequest) -> AudioFormat:
    return AudioFormat(request.param)


def test_every_sample_is_returned(tmp_path: Path, audio_format: AudioFormat) -> None:
    path = _write(tmp_path / f"a.{audio_format}")
    np.testing.assert_allclose(_decode(path), _sound(), atol=1.1 / 32768)


def test_a_file_tells_its_length(tmp_path: Path, audio_format: AudioFormat) -> None:
    content = probe(_write(tmp_path / f"a.{audio_format}"))
    assert content.format is audio_format
    assert content.duration_s == pytest.approx(_DURATION_S, abs=0.05)
    assert content.channels == 1
    assert content.chapters == ()


def test_a_file_tells_title_author_and_watermark(tmp_path: Path, audio_format: AudioFormat) -> None:
    with av.open(str(_write(tmp_path / f"a.{audio_format}"))) as container:
        tags = {**container.metadata, **container.streams.audio[0].metadata}
    assert (tags["title"], tags["artist"]) == ("Über die Brücke", "A. Writer")
    assert tags["comment"] == "watermark: perth"


def test_the_same_sound_gives_the_same_bytes(tmp_path: Path, audio_format: AudioFormat) -> None:
    digests = {
        hashlib.sha256(_write(tmp_path / f"{name}.{audio_format}").read_bytes()).digest()
        for name in "ab"
    }
    assert len(digests) == 1


def test_an_older_file_is_replaced(tmp_path: Path, audio_format: AudioFormat) -> None:
    path = tmp_path / f"a.{audio_format}"
    path.write_bytes(b"older")
    assert probe(_write(path)).duration_s > 3
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_refused(tmp_path: Path, audio_format: AudioFormat) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        _write(tmp_path / "missing" / f"a.{audio_format}")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, audio_format: AudioFormat) -> None:
    """A limit on the size of files simulates the full disk; its error has another number."""
    path = tmp_path / f"a.{audio_format}"
    path.write_bytes(b"older")
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, hard))
    try:
        with pytest.raises(OutputError, match=os.strerror(errno.EFBIG)):
            _write(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"older"


def test_a_failure_on_the_way_leaves_nothing_behind(
    tmp_path: Path, audio_format: AudioFormat
) -> None:
    def sounds() -> Iterator[StretchSound]:
        yield from stretches(_sound(), [])
        raise SpeechError

    with pytest.raises(SpeechError):
        write_lossless(tmp_path / f"a.{audio_format}", sounds(), audio_format, tags=Tags())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("data", [b"", b"not a sound file at all", bytes(5000)])
def test_what_cannot_be_played_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(data)
    with pytest.raises(OutputError, match="cannot be played back"):
        probe(path)


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.flac")
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(OutputError, match="cannot be played back"):
        probe(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be played back"):
        probe(tmp_path / "a.wav")


def test_a_wav_file_has_room_for_sizes_beyond_32_bits(tmp_path: Path) -> None:
    _write(tmp_path / "a.wav")
    head = (tmp_path / "a.wav").read_bytes()[:20]
    assert (head[:4], head[12:16]) == (b"RIFF", b"JUNK")
    assert int.from_bytes(head[4:8], "little") == (tmp_path / "a.wav").stat().st_size - 8
