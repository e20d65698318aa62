"""What FLAC and Opus files say of themselves: Vorbis comments, and the block of a picture.

Source: RFC 9639, 8.6 and 8.8; chapters as comments after the VorbisComment chapter extension.
"""

import struct
from collections.abc import Sequence

from worker.assembly.types import ChapterMark, Picture, Tags
from worker.chatterbox.config import SAMPLE_RATE_HZ

_VENDOR = b"ffmpeg"
_FRONT_COVER = 3


def list_comments(tags: Tags, chapters: Sequence[ChapterMark]) -> list[str]:
    """Return what is known of the work, and where its chapters begin, as `name=text`."""
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
        ("isbn", tags.isbn),
        ("DESCRIPTION", tags.description),
        ("comment", tags.comment),
    ]
    found = [f"{name}={text}" for name, text in named if text]
    for number, chapter in enumerate(chapters):
        found.append(f"CHAPTER{number:03}={_clock(chapter.start)}")
        found.append(f"CHAPTER{number:03}NAME={chapter.title}")
    return found


def comment_block(comments: Sequence[str]) -> bytes:
    """Return the comments as they stand in a file."""
    encoded = [comment.encode() for comment in comments]
    listed = b"".join(struct.pack("<I", len(comment)) + comment for comment in encoded)
    vendor = struct.pack("<I", len(_VENDOR)) + _VENDOR
    return vendor + struct.pack("<I", len(encoded)) + listed


def picture_block(cover: Picture) -> bytes:
    """Return a picture as a block; readers take its size from the picture itself."""
    kind = cover.media_type.encode()
    head = struct.pack(">II", _FRONT_COVER, len(kind)) + kind
    return head + struct.pack(">6I", 0, 0, 0, 0, 0, len(cover.data)) + cover.data


def _clock(position: int) -> str:
    whole_ms = position * 1000 // SAMPLE_RATE_HZ
    minutes, ms = divmod(whole_ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{ms // 1000:02}.{ms % 1000:03}"
