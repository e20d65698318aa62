"""Joins AAC parts into one m4a or m4b file, index first.

Written in one pass: the size of the index is known beforehand from the numbers of packets and
chapters, so the sound is written behind the space that the index fills at the end.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import BinaryIO

import numpy as np

from narration.mp4.packets import Packets
from worker.assembly.files.items import file_type
from worker.assembly.files.movie import Sound, chapter_titles, movie
from worker.assembly.parts.codecs import AAC
from worker.assembly.parts.plans import Place
from worker.assembly.types import ChapterMark, Tags
from worker.chatterbox.config import SAMPLE_RATE_HZ

_LARGEST_PACKET = 768  # bytes: ISO/IEC 14496-3 allows 6,144 bits per channel
_LARGEST_32 = 0xFFFFFFFF


def join_mp4(
    file: BinaryIO,
    places: Sequence[Place],
    parts: Iterable[Packets],
    *,
    samples: int,
    tags: Tags,
    chapters: Sequence[ChapterMark],
    largest: int = _LARGEST_32,
    is_book: bool = False,
) -> None:
    """Write the packets that `places` takes from each part, with one part in memory at a time.

    `is_book` brands it as m4b.
    A file that may grow beyond `largest` bytes gets 64-bit offsets.
    """
    count = places[-1].first_packet + places[-1].packets
    is_large = count * _LARGEST_PACKET > largest
    sound = _plan_sound(places, count, samples)
    titles = chapter_titles(chapters, samples, 0)
    index_size = len(movie(sound, titles, chapters, tags, is_large=is_large))
    file.write(file_type(is_book=is_book))
    index_at = file.tell()
    data_at = index_at + index_size
    file.seek(data_at)
    file.write(bytes(16 if is_large else 8))
    titles = replace(titles, offset=file.tell())
    file.write(b"".join(titles.texts))
    sound = _write_sound(file, sound, places, parts)
    _patch(file, data_at, _data_header(file.tell() - data_at, is_large=is_large))
    _patch(file, index_at, movie(sound, titles, chapters, tags, is_large=is_large))


def _plan_sound(places: Sequence[Place], count: int, samples: int) -> Sound:
    chunks = tuple(place.packets for place in places if place.packets)
    return Sound(
        config=AAC.config,
        rate_hz=SAMPLE_RATE_HZ,
        bit_rate=AAC.bit_rate,
        packet=AAC.packet,
        delay=AAC.delay,
        samples=samples,
        sizes=np.zeros(count, dtype=np.uint32),
        chunks=chunks,
        offsets=(0,) * len(chunks),
    )


def _write_sound(
    file: BinaryIO, sound: Sound, places: Sequence[Place], parts: Iterable[Packets]
) -> Sound:
    sizes, offsets, at = sound.sizes.copy(), [], 0
    for place, part in zip(places, parts, strict=True):
        used = part.head(place.packets)
        if place.packets:
            offsets.append(file.tell())
        sizes[at : at + place.packets] = used.sizes
        at += place.packets
        file.write(used.data)
    return replace(sound, sizes=sizes, offsets=tuple(offsets))


def _data_header(size: int, *, is_large: bool) -> bytes:
    if is_large:
        return struct.pack(">I4sQ", 1, b"mdat", size)
    return struct.pack(">I4s", size, b"mdat")


def _patch(file: BinaryIO, position: int, data: bytes) -> None:
    file.seek(position)
    file.write(data)
    file.seek(0, 2)
