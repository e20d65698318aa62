"""The metadata of a FLAC file: written over what its encoder has left free at the head.

So a file of hours is not copied for the sake of its tags.
Source: RFC 9639, 8 (metadata blocks).
"""

from collections.abc import Sequence
from pathlib import Path

from narration.errors import RhapsodeError
from worker.assembly.files.vorbis import comment_block, list_comments, picture_block
from worker.assembly.types import ChapterMark, Tags

_COMMENTS, _PICTURE, _LAST = 4, 6, 0x80  # types of blocks, and the mark of the last
_HEAD_BYTES = 4  # before each block: its type and its length
_STREAM_INFO_BYTES = 4 + _HEAD_BYTES + 34  # the signature and the first block, which stay
# libav writes its own comments, which hold nothing but its name, and then what it leaves free.
_BARE_COMMENTS_BYTES = _HEAD_BYTES + 14


def metadata_blocks(tags: Tags, chapters: Sequence[ChapterMark]) -> bytes:
    """Return the blocks that follow STREAMINFO; empty if there is nothing to say."""
    comments = list_comments(tags, chapters)
    if not comments and tags.cover is None:
        return b""
    blocks = [(_COMMENTS, comment_block(comments))]
    if tags.cover:
        blocks.append((_PICTURE, picture_block(tags.cover)))
    kinds = [kind for kind, _ in blocks]
    kinds[-1] |= _LAST
    return b"".join(
        bytes([kind]) + len(block).to_bytes(3) + block
        for kind, (_, block) in zip(kinds, blocks, strict=True)
    )


def padding_for(blocks: bytes) -> int:
    """Return how many bytes libav has to leave free so that the blocks fit."""
    return max(len(blocks) - _BARE_COMMENTS_BYTES - _HEAD_BYTES, 0)


def write_metadata(path: Path, blocks: bytes) -> None:
    """Put blocks in the place of libav's own and the padding that was asked for.

    Raises: RhapsodeError if the sound does not begin where they end.
    """
    if not blocks:
        return
    with path.open("r+b") as file:
        file.seek(_STREAM_INFO_BYTES + len(blocks))
        is_sound = file.read(1) == b"\xff"  # every frame begins with it
        if not is_sound:
            raise RhapsodeError(f"{path.name} has another room for its tags than was asked for")
        file.seek(_STREAM_INFO_BYTES)
        file.write(blocks)
