"""Headings and text in order -> chapters, each in its part; every chapter has a title."""

from collections.abc import Iterable
from dataclasses import dataclass

from narration.documents.plain.outline import Role
from narration.documents.types import Block, BlockKind, Chapter

_MOTTO = 300  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Blocks that stay together; a heading determines what it begins, and the title."""

    blocks: tuple[Block, ...]
    role: Role | None = None
    title: str = ""
    is_sentence: bool = False


def gather_sections(sections: Iterable[Section], *, opening: str) -> tuple[Chapter, ...]:
    """Collect sections under the titles that begin chapters.

    Text before the first title becomes a chapter named after the work, unless it is only a title
    page. A part with more text than a motto is a chapter; otherwise it is spoken with its first
    chapter.
    """
    gatherer = _Gatherer(opening)
    for section in sections:
        gatherer.add(section)
    return gatherer.finish()


class _Gatherer:
    def __init__(self, opening: str) -> None:
        self._chapters: list[Chapter] = []
        self._blocks: list[Block] = []
        self._opening = opening
        self._title: str | None = None
        self._part = ""
        self._has_sentence = False
        self._is_division = False  # inside a part, before its first chapter

    def add(self, section: Section) -> None:
        """Add the next section; a title ends the chapter before it."""
        if section.role in {Role.PART, Role.CHAPTER}:
            if self._has_text():
                self._end()
            self._title = section.title
            self._has_sentence = False
            self._is_division = section.role is Role.PART
        if section.role is Role.PART:
            self._part = section.title
        self._has_sentence = self._has_sentence or section.is_sentence
        self._blocks += section.blocks

    def finish(self) -> tuple[Chapter, ...]:
        """Close the last chapter; headings at the very end belong to the one before."""
        self._is_division = False
        if self._blocks and self._chapters and not self._has_text():
            last = self._chapters.pop()
            self._blocks = [*last.blocks, *self._blocks]
            self._chapters.append(
                Chapter(title=last.title, part=last.part, blocks=tuple(self._blocks))
            )
        elif self._blocks:
            self._end()
        return tuple(self._chapters)

    def _end(self) -> None:
        title = self._title or self._opening
        part = self._part if self._part != title else ""
        self._chapters.append(Chapter(title=title, part=part, blocks=tuple(self._blocks)))
        self._blocks = []

    def _has_text(self) -> bool:
        """Return whether there is text besides headings, a title page, or a part's motto."""
        if self._title is None and not self._chapters:
            return self._has_sentence
        texts = [block for block in self._blocks if block.kind is not BlockKind.HEADING]
        if self._is_division and not self._has_sentence:
            return False
        if self._is_division:
            return sum(run.end - run.start for block in texts for run in block.runs) > _MOTTO
        return bool(texts)
