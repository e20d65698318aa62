"""ID3 tags for the start of an MP3 file: metadata of the work, its cover, chapters.

Source: ID3 tag version 2.4.0, and its addendum for chapter frames.
"""

import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise

from worker.assembly.types import ChapterMark, Tags
from worker.chatterbox.config import SAMPLE_RATE_HZ

_UTF8 = b"\x03"
_FRONT_COVER = 3
_TOP_LEVEL_IN_ORDER = 3
_MOST_LISTED = 255  # CTOC counts chapters in one byte; those beyond it are written but not listed
_BY_TIME_ALONE = b"\xff" * 8  # instead of byte offsets


def write_id3(tags: Tags, chapters: Sequence[ChapterMark], samples: int) -> bytes:
    """Return the whole tag; the last chapter ends after `samples`."""
    frames = b"".join((*_about(tags), *_chapters(chapters, samples)))
    return b"ID3\x04\x00\x00" + _size(len(frames)) + frames


def _about(tags: Tags) -> Iterator[bytes]:
    fields = [
        (b"TIT2", tags.title),
        (b"TPE1", tags.author),
        (b"TALB", tags.work_title),
        (b"TPE2", tags.author),
        (b"TCOM", tags.narrator),  # audiobook players show it as the narrator
        (b"TCON", tags.genre),
        (b"TDRC", tags.date),
        (b"TPUB", tags.publisher),
    ]
    yield from (_text(kind, text) for kind, text in fields if text)
    others = [
        ("description", tags.description),
        ("SERIES", tags.series),
        ("SERIES-PART", tags.series_position),
        ("ISBN", tags.isbn),
    ]
    for name, text in others:
        if text:
            yield _frame(b"TXXX", _UTF8 + name.encode() + b"\0" + text.encode() + b"\0")
    if tags.comment:
        yield _frame(b"COMM", _UTF8 + b"XXX" + b"\0" + tags.comment.encode() + b"\0")
    if tags.cover:
        about = _UTF8 + tags.cover.media_type.encode() + b"\0" + bytes([_FRONT_COVER]) + b"\0"
        yield _frame(b"APIC", about + tags.cover.data)


def _chapters(chapters: Sequence[ChapterMark], samples: int) -> Iterator[bytes]:
    if not chapters:
        return
    listed = [_name(number) for number in range(len(chapters))][:_MOST_LISTED]
    counts = bytes([_TOP_LEVEL_IN_ORDER, len(listed)])
    yield _frame(b"CTOC", b"toc\0" + counts + b"".join(listed))
    starts = [*(chapter.start for chapter in chapters), samples]
    times_ms = [start * 1000 // SAMPLE_RATE_HZ for start in starts]
    for number, (chapter, times) in enumerate(zip(chapters, pairwise(times_ms), strict=True)):
        title = _text(b"TIT2", chapter.title)
        yield _frame(b"CHAP", _name(number) + struct.pack(">II", *times) + _BY_TIME_ALONE + title)


def _name(number: int) -> bytes:
    return f"ch{number}".encode() + b"\0"


def _text(kind: bytes, text: str) -> bytes:
    return _frame(kind, _UTF8 + text.encode() + b"\0")


def _frame(kind: bytes, content: bytes) -> bytes:
    return kind + _size(len(content)) + bytes(2) + content


def _size(size: int) -> bytes:
    """Encode a size as four bytes of seven bits."""
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
