"""Joins Opus parts into one Ogg file.

Source: RFC 7845 (Ogg encapsulation for Opus); the cover is a picture block in base64.
"""

import base64
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from narration.mp4.packets import Packets
from worker.assembly.files.ogg import OggWriter
from worker.assembly.files.vorbis import comment_block, list_comments, picture_block
from worker.assembly.parts.codecs import OPUS
from worker.assembly.parts.plans import Place
from worker.assembly.types import ChapterMark, Tags
from worker.chatterbox.config import SAMPLE_RATE_HZ

_PAGE_PACKETS = 50  # one second, which a page should not exceed; at most 5 segments each
_CLOCK_HZ = 48_000  # Opus counts in this rate, whatever the rate of the sound


def join_opus(
    file: BinaryIO,
    places: Sequence[Place],
    parts: Iterable[Packets],
    *,
    samples: int,
    tags: Tags,
    chapters: Sequence[ChapterMark],
) -> None:
    """Write the packets that `places` takes from each part, with one part in memory at a time."""
    writer = OggWriter(file)
    writer.write_packet(OPUS.config, 0)
    writer.write_packet(_comments(tags, chapters), 0)
    count = places[-1].first_packet + places[-1].packets
    end = _ticks(samples + OPUS.delay)
    for place, part in zip(places, parts, strict=True):
        used = part.head(place.packets)
        sizes = used.sizes.tolist()
        start = 0
        for first in range(0, place.packets, _PAGE_PACKETS):
            some = sizes[first : first + _PAGE_PACKETS]
            stop = start + sum(some)
            number = place.first_packet + first + len(some)
            time = min(_ticks(number * OPUS.packet), end)
            writer.write_page(some, used.data[start:stop], time, is_last=number == count)
            start = stop


def _ticks(samples: int) -> int:
    return samples * _CLOCK_HZ // SAMPLE_RATE_HZ


def _comments(tags: Tags, chapters: Sequence[ChapterMark]) -> bytes:
    cover = tags.cover and base64.b64encode(picture_block(tags.cover)).decode()
    comments = list_comments(tags, chapters)
    comments += [f"METADATA_BLOCK_PICTURE={cover}"] if cover else []
    return b"OpusTags" + comment_block(comments)
