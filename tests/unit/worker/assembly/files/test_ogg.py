import io
import struct

import pytest

from worker.assembly.files.ogg import OggWriter


def _pages(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """Read flags, time, number and content of every page, and verify its checksum."""
    pages = []
    while data:
        magic, flags, time, number, crc, count = struct.unpack_from("<4sxBQ4xIIB", data)
        assert magic == b"OggS"
        size = 27 + count + sum(data[27 : 27 + count])
        assert crc == _crc(data[:22] + bytes(4) + data[26:size])
        pages.append((flags, time, number, data[27 + count : size]))
        data = data[size:]
    return pages


def _crc(page: bytes) -> int:
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc >> 31 else 0)) & 0xFFFFFFFF
    return crc


def test_pages_are_numbered_and_carry_a_sum() -> None:
    buffer = io.BytesIO()
    writer = OggWriter(buffer)
    writer.write_page([3, 2], b"abcde", 480)
    writer.write_page([1], b"f", 960, is_last=True)
    assert _pages(buffer.getvalue()) == [(2, 480, 0, b"abcde"), (4, 960, 1, b"f")]


@pytest.mark.parametrize("size", [0, 254, 255, 510, 255 * 255 - 1, 255 * 255, 200_000])
def test_a_packet_takes_as_many_pages_as_it_needs(size: int) -> None:
    packet = bytes(n % 251 for n in range(size))
    buffer = io.BytesIO()
    OggWriter(buffer).write_packet(packet, 7)
    pages = _pages(buffer.getvalue())
    assert b"".join(content for *_, content in pages) == packet
    assert [flags & 1 for flags, *_ in pages] == [0] + [1] * (len(pages) - 1)
    assert [time for _, time, *_ in pages] == [0xFFFFFFFFFFFFFFFF] * (len(pages) - 1) + [7]
    assert len(pages) == (size // 255 + 1 + 254) // 255
