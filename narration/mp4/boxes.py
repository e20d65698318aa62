"""The boxes of MP4 files, as bytes: those that do not depend on the packets of sound.

Source: ISO/IEC 14496-12 (base media file format), 14496-14 (MP4), 14496-1 (descriptors); Apple's
QuickTime File Format for the text track from which players take chapters.
"""

import struct
from collections.abc import Iterator

_LARGEST_32 = 0xFFFFFFFF
_UNITY = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)  # no rotation
_FULL_VOLUME = 0x0100
_LANGUAGES = {b"und": 0x55C4, b"eng": 0x15C7}  # ISO 639-2, five bits a letter
_AAC_OBJECT, _AUDIO_STREAM = 0x40, 0x15  # ISO/IEC 14496-1, tables 5 and 6


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return a box, preceded by its size."""
    return b"".join((struct.pack(">I4s", 8 + sum(map(len, parts)), kind), *parts))


def full_box(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    """Return a box with a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def find_boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the kind and content of consecutive boxes.

    Raises: ValueError if the sizes do not fit.
    """
    start = 0
    while start < len(data):
        if start + 8 > len(data):
            raise ValueError(f"{len(data) - start} stray bytes after the last box")
        size, kind = struct.unpack_from(">I4s", data, start)
        if size < 8 or start + size > len(data):
            raise ValueError(f"a box of {size} bytes where {len(data) - start} are left")
        yield kind, data[start + 8 : start + size]
        start += size


def movie_header(timescale: int, duration: int, *, tracks: int) -> bytes:
    """Return `mvhd`: the timescale and duration of the whole file."""
    version, word = _width(duration)
    times = struct.pack(f">{word}{word}I{word}", 0, 0, timescale, duration)
    rest = struct.pack(">IH10x", 0x10000, _FULL_VOLUME) + _UNITY + bytes(24)
    return full_box(b"mvhd", times, rest, struct.pack(">I", tracks + 1), version=version)


def track_header(number: int, duration: int, *, is_sound: bool) -> bytes:
    """Return `tkhd`; only the sound is enabled, since the text of chapters is only looked up."""
    version, word = _width(duration)
    times = struct.pack(f">{word}{word}I4x{word}", 0, 0, number, duration)
    volume = _FULL_VOLUME if is_sound else 0
    rest = struct.pack(">8xHHH2x", 0, int(is_sound), volume) + _UNITY + bytes(8)
    return full_box(b"tkhd", times, rest, version=version, flags=3 if is_sound else 2)


def media_header(timescale: int, duration: int, language: bytes = b"und") -> bytes:
    """Return `mdhd`: a track's own timescale and duration."""
    version, word = _width(duration)
    times = struct.pack(f">{word}{word}I{word}", 0, 0, timescale, duration)
    return full_box(b"mdhd", times, struct.pack(">H2x", _LANGUAGES[language]), version=version)


def edit_list(duration: int, media_time: int) -> bytes:
    """Return `edts`: present this much of a track, starting at `media_time`."""
    version, word = _width(duration)
    entry = struct.pack(f">I{word}{word.lower()}I", 1, duration, media_time, 0x10000)
    return box(b"edts", full_box(b"elst", entry, version=version))


def handler(kind: bytes, name: bytes) -> bytes:
    """Return `hdlr`: the type of a track."""
    return full_box(b"hdlr", bytes(4), kind, bytes(12), name + b"\0")


def data_reference() -> bytes:
    """Return `dinf`: the samples are in this file."""
    return box(b"dinf", full_box(b"dref", struct.pack(">I", 1), full_box(b"url ", flags=1)))


def aac_entry(config: bytes, *, rate_hz: int, bit_rate: int) -> bytes:
    """Return `stsd` for one AAC stream in mono; `config` is its AudioSpecificConfig."""
    decoder = struct.pack(">BBxHII", _AAC_OBJECT, _AUDIO_STREAM, 0, bit_rate, bit_rate)
    stream = _descriptor(4, decoder + _descriptor(5, config)) + _descriptor(6, b"\x02")
    esds = full_box(b"esds", _descriptor(3, struct.pack(">HB", 1, 0) + stream))
    entry = struct.pack(">6xH8xHHHHI", 1, 1, 16, 0, 0, rate_hz << 16)
    return full_box(b"stsd", struct.pack(">I", 1), box(b"mp4a", entry, esds))


def text_entry() -> bytes:
    """Return `stsd` of a text track, with a style that is never displayed."""
    style = struct.pack(">I14xHHH6x", 1, 0, 0, 1)
    fonts = box(b"ftab", struct.pack(">HHB", 1, 1, 0))
    return full_box(
        b"stsd", struct.pack(">I", 1), box(b"text", struct.pack(">6xH", 1), style, fonts)
    )


def text_header() -> bytes:
    """Return `gmhd`, the media header of a text track."""
    look = full_box(b"gmin", struct.pack(">6H", 0x40, 0x8000, 0x8000, 0x8000, 0, 0))
    matrix = struct.pack(">H3I1I3IIH", 1, 0, 0, 0, 1, 0, 0, 0, 0x4000, 0)
    return box(b"gmhd", look, box(b"text", matrix))


def _descriptor(tag: int, content: bytes) -> bytes:
    """Return a descriptor; its length takes four bytes, with seven bits in each."""
    size = len(content)
    if size >= 1 << 7:
        raise ValueError("a descriptor of one stream is shorter than 128 bytes")
    return struct.pack(">5B", tag, 0x80, 0x80, 0x80, size) + content


def _width(duration: int) -> tuple[int, str]:
    """Return the version and number format for a box with this duration."""
    return (1, "Q") if duration > _LARGEST_32 else (0, "I")
