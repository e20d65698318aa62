"""The metadata of a FLAC file, written over the padding that its encoder leaves at the start.

This way a file of many hours is not copied to add its tags.
Source: RFC 9639, 8 (metadata blocks).
"""

from collections.abc import Sequence
from pathlib import Path

from narration.errors import RhapsodeError
from worker.assembly.files.vorbis import comment_block, list_comments, picture_block
from worker.assembly.types import ChapterMark, Tags

_COMMENTS, _PICTURE, _LAST = 4, 6, 0x80  # block types, and the flag of the last block
_HEAD_BYTES = 4  # the header of a block: type and length
_STREAM_INFO_BYTES = 4 + _HEAD_BYTES + 34  # the signature and the first block are kept
# libav writes a comment block that holds only its own name, and then the padding.
_BARE_COMMENTS_BYTES = _HEAD_BYTES + 14


def metadata_blocks(tags: Tags, chapters: Sequence[ChapterMark]) -> bytes:
    """Return the blocks that follow STREAMINFO; empty if there is no metadata."""
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
    """Return how many bytes of padding the blocks need."""
    return max(len(blocks) - _BARE_COMMENTS_BYTES - _HEAD_BYTES, 0)


def write_metadata(path: Path, blocks: bytes) -> None:
    """Write blocks over libav's own comments and the padding that it was told to leave.

    Raises: RhapsodeError if the sound does not start where they end.
    """
    if not blocks:
        return
    with path.open("r+b") as file:
        file.seek(_STREAM_INFO_BYTES + len(blocks))
        is_sound = file.read(1) == b"\xff"  # the sync code of every frame
        if not is_sound:
            raise RhapsodeError(f"{path.name} has another room for its tags than was asked for")
        file.seek(_STREAM_INFO_BYTES)
        file.write(blocks)
