"""FLAC frames of any stretch of a stream, equal to the byte to those of one encoder for the whole.

A frame depends on its own block of samples and on its number only. So every stretch has an encoder
of its own, which numbers from 0; the numbers in the headers are replaced, and with them both
checksums.
Source: RFC 9639, 9.1 (frame header), 9.3 (frame footer); the encoder is libav's.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache

import av
import numpy as np
import numpy.typing as npt

from narration.errors import RhapsodeError
from worker.chatterbox.config import SAMPLE_RATE_HZ

BLOCK = 2304  # samples a frame, what libav chooses at 24 kHz: the last but one size within 105 ms
_FIXED_BYTES = 4  # sync code, block size, sample rate and channels, which precede the number
_CRC_BYTES = 2
_CRC8, _CRC16 = 0x107, 0x18005  # the generators of both checksums

Samples = npt.NDArray[np.int16]


def encode_frames(samples: Samples, first: int) -> list[bytes]:
    """Encode blocks of a stream, of which the one at the start has the number `first`.

    Shapes: (S,); unless the stream ends here, S is a multiple of BLOCK.
    Raises: RhapsodeError if this version of libav chooses other blocks.
    """
    if not samples.size:
        return []
    frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
    frame.sample_rate = SAMPLE_RATE_HZ
    frame.time_base = Fraction(1, SAMPLE_RATE_HZ)
    frame.pts = 0
    encoder = _open_encoder()
    packets = [bytes(packet) for part in (frame, None) for packet in encoder.encode(part)]
    packets = [packet for packet in packets if packet]  # the last carries only the digest
    if len(packets) != -(-samples.size // BLOCK):
        raise RhapsodeError(f"libav made {len(packets)} FLAC frames of {samples.size} samples")
    return list(_renumbered(packets, first))


def coded_number(number: int) -> bytes:
    """Return a number as frame headers have it: as UTF-8 would, but for up to 36 bits."""
    if number < 0x80:
        return bytes([number])
    # Bytes of 6 bits; for each, the first byte holds one bit fewer.
    more = (number.bit_length() - 2) // 5
    rest = (0x80 | number >> 6 * place & 0x3F for place in reversed(range(more)))
    return bytes([0xFF << 7 - more & 0xFF | number >> 6 * more, *rest])


def _open_encoder() -> av.AudioCodecContext:
    context = av.CodecContext.create("flac", "w")
    assert isinstance(context, av.AudioCodecContext), "FLAC is a codec for sound"
    context.sample_rate = SAMPLE_RATE_HZ
    context.layout = "mono"
    context.format = "s16"
    context.options = {"flags": "+bitexact"}
    return context


def _renumbered(frames: Iterable[bytes], first: int) -> Iterator[bytes]:
    """Replace the numbers of frames that begin with 0."""
    for number, frame in enumerate(frames):
        fixed = frame[:_FIXED_BYTES]
        after = _FIXED_BYTES + len(coded_number(number))
        size = _size_bytes(fixed)
        old, body = frame[: after + size + 1], memoryview(frame)[after + size + 1 : -_CRC_BYTES]
        new = fixed + coded_number(first + number) + frame[after : after + size]
        new += _crc(new, _CRC8_TABLE, 8).to_bytes(1)
        # A checksum is linear: what differs in the header, moved to its place before the body,
        # is what differs in the checksum of the frame.
        change = _kept_crc16(old) ^ _crc(new, _CRC16_TABLE, 16)
        crc = int.from_bytes(frame[-_CRC_BYTES:]) ^ _times(change, _power(len(body)))
        yield b"".join((new, body, crc.to_bytes(_CRC_BYTES)))


def _size_bytes(fixed: bytes) -> int:
    """Return how many bytes of the header state a block size that has no code of its own."""
    return {0b0110: 1, 0b0111: 2}.get(fixed[2] >> 4, 0)


def _table(generator: int, bits: int) -> tuple[int, ...]:
    values = []
    for value in range(256):
        remainder = value << bits - 8
        for _ in range(8):
            remainder = remainder << 1 ^ (generator if remainder >> bits - 1 else 0)
        values.append(remainder)
    return tuple(values)


_CRC8_TABLE, _CRC16_TABLE = _table(_CRC8, 8), _table(_CRC16, 16)
_POWERS = [1]  # x to the power of 8n, modulo the generator: what n bytes make of a remainder


def _crc(data: bytes, table: tuple[int, ...], bits: int) -> int:
    remainder, mask = 0, (1 << bits) - 1
    for byte in data:
        remainder = remainder << 8 & mask ^ table[remainder >> bits - 8 ^ byte]
    return remainder


@lru_cache(maxsize=4096)
def _kept_crc16(header: bytes) -> int:
    """Return the checksum of a header that comes again in every stretch."""
    return _crc(header, _CRC16_TABLE, 16)


def _power(count: int) -> int:
    while len(_POWERS) <= count:
        _POWERS.append(_POWERS[-1] << 8 & 0xFFFF ^ _CRC16_TABLE[_POWERS[-1] >> 8])
    return _POWERS[count]


def _times(one: int, other: int) -> int:
    """Multiply two polynomials modulo the generator of the longer checksum."""
    product = 0
    for bit in range(15, -1, -1):
        product = product << 1 ^ (_CRC16 if product & 0x8000 else 0)
        product ^= one if other >> bit & 1 else 0
    return product
