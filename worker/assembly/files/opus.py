"""Opus parts -> one Ogg file.

Source: RFC 7845 (Ogg encapsulation for Opus); chapters as comments after the VorbisComment chapter
extension, the cover as a picture block (RFC 9639, 8.8) in base64.
"""

import base64
import struct
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from narration.mp4.packets import Packets
from worker.assembly.files.ogg import OggWriter
from worker.assembly.parts.codecs import OPUS
from worker.assembly.parts.plans import Place
from worker.assembly.types import ChapterMark, Picture, Tags
from worker.chatterbox.config import SAMPLE_RATE_HZ

_VENDOR = b"ffmpeg"
_PAGE_PACKETS = 50  # a second, as a page should not exceed; 5 segments each at the most
_FRONT_COVER = 3
_CLOCK_HZ = 48_000  # Opus counts so, whatever the rate of the sound


def join_opus(
    file: BinaryIO,
    places: Sequence[Place],
    parts: Iterable[Packets],
    *,
    samples: int,
    tags: Tags,
    chapters: Sequence[ChapterMark],
) -> None:
    """Write the packets that `places` takes from each part; one part is held at a time."""
    writer = OggWriter(file)
    writer.write_packet(OPUS.config, 0)
    writer.write_packet(_comments(tags, chapters), 0)
    count = places[-1].first_packet + places[-1].packets
    end = _ticks(samples + OPUS.delay)
    for place, part in zip(places, parts, strict=True):
        taken = part.head(place.packets)
        sizes = taken.sizes.tolist()
        start = 0
        for first in range(0, place.packets, _PAGE_PACKETS):
            some = sizes[first : first + _PAGE_PACKETS]
            stop = start + sum(some)
            number = place.first_packet + first + len(some)
            time = min(_ticks(number * OPUS.packet), end)
            writer.write_page(some, taken.data[start:stop], time, is_last=number == count)
            start = stop


def _ticks(samples: int) -> int:
    return samples * _CLOCK_HZ // SAMPLE_RATE_HZ


def _comments(tags: Tags, chapters: Sequence[ChapterMark]) -> bytes:
    named = [
        ("title", tags.title),
        ("artist", tags.author),
        ("album", tags.work_title),
        ("albumartist", tags.author),
        ("performer", tags.narrator),
        ("composer", tags.narrator),  # where players of audiobooks look for the reader
        ("genre", tags.genre),
        ("date", tags.date),
        ("publisher", tags.publisher),
        ("series", tags.series),
        ("series-part", tags.series_position),
        ("DESCRIPTION", tags.description),
        ("comment", tags.comment),
        ("METADATA_BLOCK_PICTURE", _picture(tags.cover)),
    ]
    found = [f"{name}={text}".encode() for name, text in named if text]
    for number, chapter in enumerate(chapters):
        found.append(f"CHAPTER{number:03}={_clock(chapter.start)}".encode())
        found.append(f"CHAPTER{number:03}NAME={chapter.title}".encode())
    listed = b"".join(struct.pack("<I", len(comment)) + comment for comment in found)
    vendor = struct.pack("<I", len(_VENDOR)) + _VENDOR
    return b"OpusTags" + vendor + struct.pack("<I", len(found)) + listed


def _picture(cover: Picture | None) -> str | None:
    """Return a FLAC picture block in base64; readers take its size from the picture itself."""
    if cover is None:
        return None
    kind = cover.media_type.encode()
    head = struct.pack(">II", _FRONT_COVER, len(kind)) + kind
    rest = struct.pack(">6I", 0, 0, 0, 0, 0, len(cover.data))
    return base64.b64encode(head + rest + cover.data).decode()


def _clock(position: int) -> str:
    whole_ms = position * 1000 // SAMPLE_RATE_HZ
    minutes, ms = divmod(whole_ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{ms // 1000:02}.{ms % 1000:03}"
