"""Ogg pages: packets grouped into pages, each with its number, its time and its checksum.

Source: RFC 3533. Its CRC uses zlib's polynomial with the bits in reverse order.
"""

import struct
import zlib
from collections.abc import Sequence
from typing import BinaryIO

from narration.errors import IncompletePlanError

_CONTINUED, _BEGINS, _ENDS = 1, 2, 4
_MOST_SEGMENTS = 255
_NO_TIME = 0xFFFFFFFFFFFFFFFF  # the position of a page on which no packet ends
_CRC_AT = 22
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class OggWriter:
    """Writes one logical stream, page by page."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._number = 0

    def write_page(
        self, sizes: Sequence[int], data: bytes | memoryview, time: int, *, is_last: bool = False
    ) -> None:
        """Write whole packets as one page; they must fit: 255 segments of up to 255 bytes."""
        laces = b"".join(_lace(size) for size in sizes)
        if len(laces) > _MOST_SEGMENTS:
            raise IncompletePlanError("packets do not fit on their page")
        self._write(laces, data, time, flags=_ENDS if is_last else 0)

    def write_packet(self, packet: bytes, time: int) -> None:
        """Write one packet of any size, on as many pages as it needs."""
        laces = _lace(len(packet))
        start = 0
        for first in range(0, len(laces), _MOST_SEGMENTS):
            some = laces[first : first + _MOST_SEGMENTS]
            stop = start + sum(some)
            ends = first + _MOST_SEGMENTS >= len(laces)
            flags = _CONTINUED if first else 0
            self._write(some, packet[start:stop], time if ends else _NO_TIME, flags=flags)
            start = stop

    def _write(self, laces: bytes, data: bytes | memoryview, time: int, *, flags: int) -> None:
        flags |= _BEGINS if self._number == 0 else 0
        head = struct.pack("<4sBBQIIIB", b"OggS", 0, flags, time, 0, self._number, 0, len(laces))
        page = bytearray(b"".join((head, laces, data)))
        page[_CRC_AT : _CRC_AT + 4] = struct.pack("<I", _crc(bytes(page)))
        self._file.write(page)
        self._number += 1


def _lace(size: int) -> bytes:
    """Return a packet's size in segments: the last is shorter than 255 bytes."""
    return b"\xff" * (size // 255) + bytes([size % 255])


def _crc(page: bytes) -> int:
    """Compute the CRC-32 with polynomial 0x04C11DB7, most significant bit first, from zero."""
    mirrored = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_REVERSED))
