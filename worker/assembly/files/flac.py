"""What a FLAC file has before its frames: the signature, what the stream is, tags and cover.

Source: RFC 9639, 8 (metadata blocks).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from worker.assembly.files.vorbis import comment_block, list_comments, picture_block
from worker.assembly.types import ChapterMark, Tags

_STREAM_INFO, _COMMENTS, _PICTURE, _LAST = 0, 4, 6, 0x80  # types, and the flag of the last block


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """A stream of 16-bit mono.

    `block` is the number of samples in every frame but the last, `frame_bytes` the size of the
    smallest and the largest frame, `md5` the digest of all samples (little-endian).
    """

    block: int
    frame_bytes: tuple[int, int]
    sample_rate_hz: int
    samples: int
    md5: bytes

    def pack(self) -> bytes:
        """Return the 34 bytes of the metadata block."""
        sizes = b"".join(size.to_bytes(3) for size in self.frame_bytes)
        # 20 bits of rate, 3 of channels and 5 of bits, both less one, 36 of samples.
        what = self.sample_rate_hz << 44 | (1 - 1) << 41 | (16 - 1) << 36 | self.samples
        return self.block.to_bytes(2) * 2 + sizes + what.to_bytes(8) + self.md5


def file_head(info: StreamInfo, tags: Tags, chapters: Sequence[ChapterMark]) -> bytes:
    """Return all that precedes the frames; its size depends on tags and chapters only."""
    blocks = [(_STREAM_INFO, info.pack())]
    comments = list_comments(tags, chapters)
    if comments or tags.cover:
        blocks.append((_COMMENTS, comment_block(comments)))
    if tags.cover:
        blocks.append((_PICTURE, picture_block(tags.cover)))
    kinds = [kind for kind, _ in blocks]
    kinds[-1] |= _LAST
    return b"fLaC" + b"".join(
        bytes([kind]) + len(block).to_bytes(3) + block
        for kind, (_, block) in zip(kinds, blocks, strict=True)
    )
