"""One chunk's waveform <-> FLAC bytes: 24-bit, mono, 24 kHz; equal samples give equal bytes."""

import io

import numpy as np
import soundfile

from narration.errors import OutputError
from worker.audio.types import Waveform
from worker.chatterbox.config import SAMPLE_RATE_HZ


def encode_flac(waveform: Waveform) -> bytes:
    """Pack a waveform; what exceeds full scale is clamped, the rest is rounded to 24 bits."""
    buffer = io.BytesIO()
    clamped = np.clip(waveform, -1.0, 1.0)
    soundfile.write(buffer, clamped, SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_24")
    return buffer.getvalue()


def decode_flac(data: bytes) -> Waveform:
    """Unpack a stored chunk.

    Raises: OutputError if the bytes are damaged or are not mono at 24 kHz.
    """
    try:
        waveform, rate_hz = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise OutputError(
            f"a stored chunk of {len(data):,} bytes cannot be decoded ({error}): render it again"
        ) from error
    if rate_hz != SAMPLE_RATE_HZ or waveform.shape[1] != 1:
        raise OutputError(
            f"a stored chunk is {waveform.shape[1]} x {rate_hz} Hz, not mono at "
            f"{SAMPLE_RATE_HZ} Hz: render it again"
        )
    mono: Waveform = np.ascontiguousarray(waveform[:, 0])
    return mono
