"""Blocks in reading order -> chapters. Shared by every reader."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from narration.documents.types import Block, BlockKind, Chapter, Metadata, Remark, Skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A block; `title` if it begins a chapter, `subtitle` if it continues the title before."""

    block: Block
    title: str | None = None
    subtitle: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reader returns for a source; offsets are those of the source.

    `opens_with_chapter`: its first heading is that of the first of several chapters.
    """

    chapters: tuple[Chapter, ...]
    skips: tuple[Skip, ...]
    metadata: Metadata = field(default_factory=Metadata)
    remarks: tuple[Remark, ...] = ()
    opens_with_chapter: bool = False


def gather_chapters(entries: Iterable[Entry]) -> tuple[Chapter, ...]:
    """Collect entries under the headings that begin chapters; before the first, there is no title.

    A title page with no text of its own joins the chapter it introduces.
    """
    chapters: list[Chapter] = []
    title, blocks = "", list[Block]()
    for entry in entries:
        if entry.title is not None:
            if any(block.kind is BlockKind.PARAGRAPH for block in blocks):
                chapters.append(Chapter(title=title, blocks=tuple(blocks)))
                blocks = []
            title = entry.title
        elif entry.subtitle is not None:
            title = (
                f"{title} {entry.subtitle}"
                if title.endswith((".", ":"))
                else f"{title}. {entry.subtitle}"
            )
        blocks.append(entry.block)
    if blocks:
        chapters.append(Chapter(title=title, blocks=tuple(blocks)))
    return tuple(chapters)
