"""A chunk's sound: float32 samples, mono, 24 kHz, full scale 1.0, and the FLAC that stores them.

24-bit, mono, 24 kHz; equal samples give equal bytes.
"""

import io
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import soundfile

from narration.errors import OutputError

SAMPLE_RATE_HZ = 24_000  # the output rate of the Chatterbox family

Waveform: TypeAlias = npt.NDArray[np.float32]


def to_int16(samples: Waveform) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    """Round to 16 bits, clamped at full scale.

    Shapes: (S,) -> (S,).
    """
    return np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)


def encode_flac(waveform: Waveform) -> bytes:
    """Encode a waveform; values beyond full scale are clamped, the rest is rounded to 24 bits."""
    buffer = io.BytesIO()
    clamped = np.clip(waveform, -1.0, 1.0)
    soundfile.write(buffer, clamped, SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_24")
    return buffer.getvalue()


def decode_flac(data: bytes) -> Waveform:
    """Decode a stored chunk.

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
