"""The index of an m4a or m4b file: one AAC track, chapters, and metadata of the work.

Source: ISO/IEC 14496-12; chapters as players expect them, in a text track (QuickTime File Format)
and in Nero's `chpl`; tags in iTunes' list.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from narration.mp4 import boxes
from narration.mp4.boxes import box, full_box
from worker.assembly.files.items import list_items
from worker.assembly.types import ChapterMark, Tags

_SOUND, _TEXT = 1, 2  # track ids
_NERO_UNITS = 10_000_000  # units per second
_NERO_MOST = 255  # chapters in `chpl`; the text track holds all of them
_UTF8 = box(b"encd", b"\x00\x00\x01\x00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """An AAC track: its packets, and the file offsets of their chunks."""

    config: bytes  # AudioSpecificConfig
    rate_hz: int
    bit_rate: int
    packet: int  # samples per packet
    delay: int  # samples that players skip at the start
    samples: int  # samples that players play
    sizes: npt.NDArray[np.uint32]
    chunks: tuple[int, ...]  # packets in each chunk
    offsets: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Titles:
    """The text track: titles as stored, and how long each chapter lasts."""

    texts: tuple[bytes, ...]
    durations: tuple[int, ...]
    offset: int


def chapter_titles(chapters: Sequence[ChapterMark], samples: int, offset: int) -> Titles:
    """Lay out chapters as a text track whose samples are at `offset`."""
    starts = [*(chapter.start for chapter in chapters), samples]
    encoded = [chapter.title.encode()[:0xFFFF] for chapter in chapters]
    texts = tuple(struct.pack(">H", len(text)) + text + _UTF8 for text in encoded)
    durations = tuple(end - start for start, end in pairwise(starts))
    return Titles(texts=texts, durations=durations, offset=offset)


def movie(
    sound: Sound, titles: Titles, chapters: Sequence[ChapterMark], tags: Tags, *, is_large: bool
) -> bytes:
    """Return `moov`; its size does not depend on the offsets or sizes of packets."""
    tracks = [_sound_track(sound, has_text=bool(titles.texts), is_large=is_large)]
    if titles.texts:
        tracks.append(_text_track(sound, titles, is_large=is_large))
    header = boxes.movie_header(sound.rate_hz, sound.samples, tracks=len(tracks))
    about = _about(tags, chapters, sound.rate_hz)
    return box(b"moov", header, *tracks, *([box(b"udta", *about)] if about else []))


def _sound_track(sound: Sound, *, has_text: bool, is_large: bool) -> bytes:
    length = sound.delay + sound.samples
    chapters = box(b"tref", box(b"chap", struct.pack(">I", _TEXT)))
    table = box(
        b"stbl",
        boxes.aac_entry(sound.config, rate_hz=sound.rate_hz, bit_rate=sound.bit_rate),
        _times(_packet_times(len(sound.sizes), sound.packet, length)),
        _chunks(sound.chunks),
        full_box(
            b"stsz", struct.pack(">II", 0, len(sound.sizes)), sound.sizes.astype(">u4").tobytes()
        ),
        _offsets(sound.offsets, is_large=is_large),
        # Decoding may start at any packet but needs the one before it: a roll distance of -1.
        full_box(b"sgpd", b"roll", struct.pack(">IIh", 2, 1, -1), version=1),
        full_box(b"sbgp", b"roll", struct.pack(">III", 1, len(sound.sizes), 1)),
    )
    media = box(
        b"mdia",
        boxes.media_header(sound.rate_hz, length),
        boxes.handler(b"soun", b"SoundHandler"),
        box(b"minf", full_box(b"smhd", bytes(4)), boxes.data_reference(), table),
    )
    return box(
        b"trak",
        boxes.track_header(_SOUND, sound.samples, is_sound=True),
        boxes.edit_list(sound.samples, sound.delay),
        *([chapters] if has_text else []),
        media,
    )


def _text_track(sound: Sound, titles: Titles, *, is_large: bool) -> bytes:
    sizes = np.array([len(text) for text in titles.texts], dtype=np.uint32)
    table = box(
        b"stbl",
        boxes.text_entry(),
        _times([(1, duration) for duration in titles.durations]),
        _chunks((len(sizes),)),
        full_box(b"stsz", struct.pack(">II", 0, len(sizes)), sizes.astype(">u4").tobytes()),
        _offsets((titles.offset,), is_large=is_large),
    )
    media = box(
        b"mdia",
        boxes.media_header(sound.rate_hz, sum(titles.durations), b"eng"),
        boxes.handler(b"text", b"SubtitleHandler"),
        box(b"minf", boxes.text_header(), boxes.data_reference(), table),
    )
    header = boxes.track_header(_TEXT, sound.samples, is_sound=False)
    return box(b"trak", header, boxes.edit_list(sound.samples, 0), media)


def _times(runs: Sequence[tuple[int, int]]) -> bytes:
    """Return `stts`: runs of samples of equal duration."""
    entries = b"".join(struct.pack(">II", *run) for run in runs)
    return full_box(b"stts", struct.pack(">I", len(runs)), entries)


def _packet_times(count: int, packet: int, length: int) -> list[tuple[int, int]]:
    """Return runs of packets of equal duration; the last packet ends where the sound ends."""
    last = (1, length - (count - 1) * packet)
    return [(count - 1, packet), last] if count > 1 else [last]


def _chunks(counts: Sequence[int]) -> bytes:
    """Return `stsc`: how many samples each chunk holds, listed where the count changes."""
    entries = [
        struct.pack(">III", number, count, 1)
        for number, (before, count) in enumerate(pairwise([None, *counts]), start=1)
        if count != before
    ]
    return full_box(b"stsc", struct.pack(">I", len(entries)), *entries)


def _offsets(offsets: Sequence[int], *, is_large: bool) -> bytes:
    kind, number = (b"co64", ">u8") if is_large else (b"stco", ">u4")
    return full_box(kind, struct.pack(">I", len(offsets)), np.array(offsets, number).tobytes())


def _about(tags: Tags, chapters: Sequence[ChapterMark], rate_hz: int) -> list[bytes]:
    items = list_items(tags)
    about = []
    if items:
        kind = full_box(b"hdlr", bytes(4), b"mdirappl", bytes(9))
        about.append(full_box(b"meta", kind, box(b"ilst", *items)))
    if chapters:
        about.append(_nero(chapters[:_NERO_MOST], rate_hz))
    return about


def _nero(chapters: Sequence[ChapterMark], rate_hz: int) -> bytes:
    entries = b"".join(_nero_entry(chapter, rate_hz) for chapter in chapters)
    return full_box(b"chpl", struct.pack(">IB", 0, len(chapters)), entries, version=1)


def _nero_entry(chapter: ChapterMark, rate_hz: int) -> bytes:
    title = _shorten(chapter.title)
    return struct.pack(">QB", chapter.start * _NERO_UNITS // rate_hz, len(title)) + title


def _shorten(title: str) -> bytes:
    """Return at most 255 bytes of a title, never cutting a character in two."""
    return title.encode()[:255].decode(errors="ignore").encode()
