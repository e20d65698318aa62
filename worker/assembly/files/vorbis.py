"""The metadata of FLAC and Opus files: Vorbis comments and picture blocks.

Source: RFC 9639, 8.6 and 8.8; chapters as comments after the VorbisComment chapter extension.
"""

import struct
from collections.abc import Sequence

from worker.assembly.types import ChapterMark, Picture, Tags
from worker.chatterbox.config import SAMPLE_RATE_HZ

_VENDOR = b"ffmpeg"
_FRONT_COVER = 3


def list_comments(tags: Tags, chapters: Sequence[ChapterMark]) -> list[str]:
    """Return the metadata of the work, and where its chapters start, as `name=text`."""
    fields = [
        ("title", tags.title),
        ("artist", tags.author),
        ("album", tags.work_title),
        ("albumartist", tags.author),
        ("performer", tags.narrator),
        ("composer", tags.narrator),  # audiobook players show it as the narrator
        ("genre", tags.genre),
        ("date", tags.date),
        ("publisher", tags.publisher),
        ("series", tags.series),
        ("series-part", tags.series_position),
        ("isbn", tags.isbn),
        ("DESCRIPTION", tags.description),
        ("comment", tags.comment),
    ]
    comments = [f"{name}={text}" for name, text in fields if text]
    for number, chapter in enumerate(chapters):
        comments.append(f"CHAPTER{number:03}={_clock(chapter.start)}")
        comments.append(f"CHAPTER{number:03}NAME={chapter.title}")
    return comments


def comment_block(comments: Sequence[str]) -> bytes:
    """Return the comments encoded as a block."""
    encoded = [comment.encode() for comment in comments]
    listed = b"".join(struct.pack("<I", len(comment)) + comment for comment in encoded)
    vendor = struct.pack("<I", len(_VENDOR)) + _VENDOR
    return vendor + struct.pack("<I", len(encoded)) + listed


def picture_block(cover: Picture) -> bytes:
    """Return a picture as a block; sizes are 0, since readers take them from the picture."""
    kind = cover.media_type.encode()
    head = struct.pack(">II", _FRONT_COVER, len(kind)) + kind
    return head + struct.pack(">6I", 0, 0, 0, 0, 0, len(cover.data)) + cover.data


def _clock(position: int) -> str:
    whole_ms = position * 1000 // SAMPLE_RATE_HZ
    minutes, ms = divmod(whole_ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{ms // 1000:02}.{ms % 1000:03}"
