"""The metadata of an m4a or m4b file: its brand, and the items of iTunes' list.

Source: ISO/IEC 14496-12 (brands); the list as in Apple's QuickTime File Format and in audiobook
players.
"""

import struct

from narration.mp4.boxes import box, full_box
from worker.assembly.types import AUDIOBOOK, Tags

_TEXT, _JPEG, _PNG, _NUMBER = 1, 13, 14, 21  # data types
_PICTURES = {"image/jpeg": _JPEG, "image/png": _PNG}
_BOOK = 2  # media types of `stik`
_DOMAIN = b"com.apple.iTunes"


def file_type(*, is_book: bool) -> bytes:
    """Return `ftyp`; players remember the position in files branded as books."""
    brands = b"M4B M4A " if is_book else b"M4A "
    return box(b"ftyp", brands[:4], b"\x00\x00\x02\x00", brands, b"isomiso2")


def list_items(tags: Tags) -> list[bytes]:
    """Return the items of `ilst`."""
    fields = [
        (b"\xa9nam", tags.title),
        (b"\xa9ART", tags.author),
        (b"\xa9alb", tags.work_title),
        (b"aART", tags.author),
        (b"\xa9wrt", tags.narrator),  # most players show it as the narrator
        (b"\xa9nrt", tags.narrator),
        (b"\xa9gen", tags.genre),
        (b"\xa9day", tags.date),
        (b"\xa9pub", tags.publisher),
        (b"desc", tags.description and tags.description[:255]),
        (b"ldes", tags.description),
        (b"\xa9cmt", tags.comment),
    ]
    items = [box(kind, _data(_TEXT, text.encode())) for kind, text in fields if text]
    if tags.genre == AUDIOBOOK:
        items.append(box(b"stik", _data(_NUMBER, bytes([_BOOK]))))
    others = [
        (b"SERIES", tags.series),
        (b"SERIES-PART", tags.series_position),
        (b"ISBN", tags.isbn),
    ]
    items += [_free(name, text) for name, text in others if text]
    if tags.cover:
        items.append(box(b"covr", _data(_PICTURES[tags.cover.media_type], tags.cover.data)))
    return items


def _data(kind: int, content: bytes) -> bytes:
    return box(b"data", struct.pack(">II", kind, 0), content)


def _free(name: bytes, text: str) -> bytes:
    """Return an item with a custom name."""
    return box(
        b"----", full_box(b"mean", _DOMAIN), full_box(b"name", name), _data(_TEXT, text.encode())
    )
