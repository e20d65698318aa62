"""Joins MP3 parts: ID3 tags with chapters, an Info frame for gapless playback, the frames.

Source: the Xing and LAME tags as players read them ("MP3 Info Tag", revision 1, G. Bouvigne), and
CRC-16/ARC, which protects them.
"""

import struct
from collections.abc import Iterable, Sequence
from functools import cache
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from narration.errors import IncompletePlanError
from narration.mp4.packets import Packets
from worker.assembly.files.id3 import write_id3
from worker.assembly.parts.codecs import MP3
from worker.assembly.parts.plans import Place
from worker.assembly.types import ChapterMark, Tags
from worker.chatterbox.config import SAMPLE_RATE_HZ

_FRAME_BYTES = MP3.bit_rate * MP3.packet // 8 // SAMPLE_RATE_HZ
_HEADER_BYTES = 4
_SIDE_INFO_BYTES = 9  # per mono frame at 24 kHz
_DECODER_DELAY = 529  # which players add to the encoder's delay
_PRESENT = 0x0F  # frames, bytes, table of contents, quality
_CHECKED_BYTES = 190  # of the Info frame, covered by its own CRC, whose field counts as zero
_POLYNOMIAL = 0xA001


def join_mp3(
    file: BinaryIO,
    places: Sequence[Place],
    parts: Iterable[Packets],
    *,
    samples: int,
    tags: Tags,
    chapters: Sequence[ChapterMark],
) -> None:
    """Write the frames that `places` takes from each part, with one part in memory at a time."""
    file.write(write_id3(tags, chapters, samples))
    info_at = file.tell()
    file.write(bytes(_FRAME_BYTES))
    crc, header = 0, b""
    for place, part in zip(places, parts, strict=True):
        used = part.head(place.packets)
        if (used.sizes != _FRAME_BYTES).any():
            raise IncompletePlanError("a frame of a constant bit rate has another length")
        header = header or bytes(used.data[:_HEADER_BYTES])
        crc = _sum_frames(crc, np.frombuffer(used.data, np.uint8).reshape(-1, _FRAME_BYTES))
        file.write(used.data)
    count = places[-1].first_packet + places[-1].packets
    file.seek(info_at)
    file.write(_info(header, count, samples, crc))
    file.seek(0, 2)


def _info(header: bytes, frames: int, samples: int, crc: int) -> bytes:
    """Return the Info frame: silent, as long as the others, and describing them."""
    contents = bytes(256 * percent // 100 for percent in range(100))  # frames are equally long
    size = (frames + 1) * _FRAME_BYTES
    delay = MP3.delay - _DECODER_DELAY
    padding = frames * MP3.packet - samples - delay
    frame = b"".join(
        (
            header,
            bytes(_SIDE_INFO_BYTES),
            struct.pack(">4sIII100sI", b"Info", _PRESENT, frames, size, contents, 0),
            struct.pack(">9s11xB", b"Lavf", MP3.bit_rate // 1000),
            (delay << 12 | padding).to_bytes(3),
            struct.pack(">4xIH", size, crc),
        )
    )
    own_crc = _crc(np.frombuffer(frame.ljust(_CHECKED_BYTES, b"\0"), np.uint8)[None, :])
    return (frame + struct.pack(">H", int(own_crc[0]))).ljust(_FRAME_BYTES, b"\0")


def _sum_frames(crc: int, frames: npt.NDArray[np.uint8]) -> int:
    """Extend a CRC over frames by combining their own CRCs, which works as CRCs are linear."""
    step = _advance()
    for own in _crc(frames).tolist():
        crc = step[crc] ^ own
    return crc


def _crc(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """Compute the CRC-16/ARC of every row; rows have an even number of bytes.

    Shapes: (B, bytes) -> (B,).
    """
    table = _two_bytes()
    crc = np.zeros(len(rows), dtype=np.uint16)
    for word in np.ascontiguousarray(rows).view("<u2").T:
        crc = table[crc ^ word]
    return crc


@cache
def _two_bytes() -> npt.NDArray[np.uint16]:
    """Return each CRC after two more zero bytes."""
    crc = np.arange(1 << 16, dtype=np.uint16)
    for _ in range(16):
        crc = np.where(crc & 1, crc >> 1 ^ _POLYNOMIAL, crc >> 1).astype(np.uint16)
    return crc


@cache
def _advance() -> list[int]:
    """Return each CRC after one more frame of zeros."""
    crc = np.arange(1 << 16, dtype=np.uint16)
    for _ in range(_FRAME_BYTES // 2):
        crc = _two_bytes()[crc]
    return crc.tolist()
