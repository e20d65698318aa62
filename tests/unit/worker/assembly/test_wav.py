import io
from pathlib import Path

import numpy as np
import soundfile

from narration.sound.waveform import to_int16
from worker.assembly.types import Tags
from worker.assembly.wav import write_wav

_SOUND = np.random.default_rng(1).uniform(-0.9, 0.9, 30_001).astype(np.float32)


def test_a_file_beyond_32_bits_becomes_rf64(tmp_path: Path) -> None:
    """The limit is lowered here: four gigabytes would take a while."""
    path = tmp_path / "a.wav"
    with path.open("wb") as file:
        write_wav(file, [_SOUND[:1000], _SOUND[1000:]], Tags(title="Odd"), largest=10_000)
    assert path.read_bytes()[:4] == b"RF64"
    assert soundfile.info(path).frames == _SOUND.size
    decoded, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_allclose(decoded, _SOUND, atol=1.1 / 32768)


def test_a_small_file_stays_riff() -> None:
    file = io.BytesIO()
    write_wav(file, [_SOUND], Tags())
    assert file.getvalue()[:4] == b"RIFF"
    assert int.from_bytes(file.getvalue()[4:8], "little") == len(file.getvalue()) - 8


def test_what_exceeds_full_scale_is_clamped_not_wrapped() -> None:
    loud = to_int16(np.array([2.0, -2.0, 1.0, 0.0], dtype=np.float32))
    assert loud.tolist() == [32767, -32768, 32767, 0]
