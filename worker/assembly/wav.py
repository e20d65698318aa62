"""A WAV file written as a stream: 16-bit PCM, RF64 once it outgrows 32-bit sizes.

Source: EBU Tech 3306 (RF64): a JUNK chunk keeps the place of ds64 until the size is known.
"""

import struct
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np

from worker.assembly.types import Tags
from worker.chatterbox.config import SAMPLE_RATE_HZ
from worker.waveform import Waveform

_BYTES = 2
_LARGEST = 0xFFFFFFFF
_DS64_BYTES = 28
_PCM = 1


def write_wav(
    file: BinaryIO, blocks: Iterable[Waveform], tags: Tags, *, largest: int = _LARGEST
) -> None:
    """Write samples as they come, then the sizes; beyond `largest` bytes the file becomes RF64."""
    info = _info(tags)
    file.write(b"RIFF" + struct.pack("<I", 0) + b"WAVE")
    file.write(b"JUNK" + struct.pack("<I", _DS64_BYTES) + bytes(_DS64_BYTES))
    rate = SAMPLE_RATE_HZ
    file.write(b"fmt " + struct.pack("<IHHIIHH", 16, _PCM, 1, rate, rate * _BYTES, _BYTES, 16))
    file.write(info)
    data_at = file.tell()
    file.write(b"data" + struct.pack("<I", 0))
    samples = 0
    for block in blocks:
        file.write(to_int16(block).astype("<i2").tobytes())
        samples += block.size
    riff_bytes, data_bytes = file.tell() - 8, samples * _BYTES
    if riff_bytes <= largest:
        _patch(file, 4, struct.pack("<I", riff_bytes))
        _patch(file, data_at + 4, struct.pack("<I", data_bytes))
        return
    ds64 = struct.pack("<QQQI", riff_bytes, data_bytes, samples, 0)
    _patch(file, 0, b"RF64" + struct.pack("<I", _LARGEST))
    _patch(file, 12, b"ds64" + struct.pack("<I", _DS64_BYTES) + ds64)
    _patch(file, data_at + 4, struct.pack("<I", _LARGEST))


def to_int16(samples: Waveform) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    """Round to 16 bits, clamped at full scale.

    Shapes: (S,) -> (S,).
    """
    return np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)


def _patch(file: BinaryIO, position: int, data: bytes) -> None:
    file.seek(position)
    file.write(data)
    file.seek(0, 2)


def _info(tags: Tags) -> bytes:
    entries = [
        (b"INAM", tags.title),
        (b"IART", tags.author),
        (b"IPRD", tags.work_title),
        (b"IGNR", tags.genre),
        (b"ICRD", tags.date),
        (b"ICMT", tags.comment),
    ]
    body = b"".join(_entry(key, text) for key, text in entries if text)
    return b"LIST" + struct.pack("<I", len(body) + 4) + b"INFO" + body if body else b""


def _entry(key: bytes, text: str) -> bytes:
    value = text.encode() + b"\0"
    return key + struct.pack("<I", len(value)) + value + b"\0" * (len(value) % 2)
