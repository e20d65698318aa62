import io

import numpy as np
import pytest
import soundfile

from narration.errors import OutputError
from narration.sound.waveform import decode_flac, encode_flac, to_int16

_NOISE = np.random.default_rng(1).uniform(-1, 1, 24_000).astype(np.float32)


def test_a_chunk_comes_back_to_24_bits() -> None:
    np.testing.assert_allclose(decode_flac(encode_flac(_NOISE)), _NOISE, atol=2**-23)


def test_what_was_decoded_packs_to_the_same_bytes() -> None:
    once = encode_flac(_NOISE)
    assert encode_flac(decode_flac(once)) == once


def test_what_exceeds_full_scale_is_clamped() -> None:
    loud = decode_flac(encode_flac(np.array([1.7, -1.7], dtype=np.float32)))
    np.testing.assert_allclose(loud, [1, -1], atol=2**-22)


def test_a_damaged_chunk_is_refused() -> None:
    with pytest.raises(OutputError, match="render it again"):
        decode_flac(b"fLaC and then nothing that makes sense")


def test_another_rate_is_refused() -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(100), 16_000, format="FLAC")
    with pytest.raises(OutputError, match="16000 Hz"):
        decode_flac(buffer.getvalue())


def test_what_exceeds_full_scale_is_clamped_not_wrapped() -> None:
    loud = to_int16(np.array([2.0, -2.0, 1.0, 0.0], dtype=np.float32))
    assert loud.tolist() == [32767, -32768, 32767, 0]
