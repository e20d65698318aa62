"""A document: the text as it was sent, and which of its characters are to be read aloud.

All offsets count characters of `Document.source`. A character lies in at most one run or skip;
what lies in neither is white space between blocks.
"""

from dataclasses import dataclass
from enum import StrEnum


class BlockKind(StrEnum):
    """What a block is to a listener; it decides the pause around it."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"


class SkipReason(StrEnum):
    """Why a piece of the source is not read aloud."""

    CODE = "code"
    FOOTNOTE = "footnote"
    FRONT_MATTER = "front_matter"
    HTML = "html"
    IMAGE = "image"
    LINK_TARGET = "link_target"
    MARKUP = "markup"
    ORNAMENT = "ornament"
    TABLE = "table"
    UNSPEAKABLE = "unspeakable"  # characters that have no saying


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """source[start:end] is read aloud, as `reading` where the source's own characters differ.

    A reading differs for an entity (`&amp;`), an escape, or a line break that is only a wrap.
    """

    start: int
    end: int
    reading: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """source[start:end] is not read aloud, and why."""

    start: int
    end: int
    reason: SkipReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A paragraph or a heading: runs in source order, at least one."""

    kind: BlockKind
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """Blocks that belong together; `title` is empty for text before the first heading."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One text to narrate. For an e-book `source` is the text extracted from its pages."""

    source: str
    media_type: str
    encoding: str
    title: str | None
    author: str | None
    chapters: tuple[Chapter, ...]
    skips: tuple[Skip, ...]
