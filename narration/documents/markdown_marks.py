"""The markup of a markdown text: what remains after everything read or skipped."""

import re
from collections.abc import Sequence

from markdown_it.rules_core import StateCore

from narration.documents.paragraphs import PageBlock
from narration.documents.types import Run, Skip, SkipReason

_FOOTNOTE = re.compile(r"\[\^[^\]\s]+\]:")
_LINK_DEFINITION = re.compile(r"\[[^\]]+\]:")
_FENCE = re.compile(r"```|~~~")
_WORD = re.compile(r"[^\W_]")
_TAG = re.compile(r"<[/!?A-Za-z]")
_SOLID = re.compile(r"\S(?:.*\S)?")


def unread(source: str, blocks: Sequence[PageBlock], skips: Sequence[Skip]) -> list[Skip]:
    """Collect the text between runs and skips: marks of headings, lists, quotes; link targets."""
    ranges = sorted(
        [(run.start, run.end) for block in blocks for run in block.runs]
        + [(skip.start, skip.end) for skip in skips]
    )
    rest: list[Skip] = []
    position = 0
    for start, end in [*ranges, (len(source), len(source))]:
        for match in _SOLID.finditer(source, position, max(position, start)):
            reason = _reason(match[0])
            rest.append(Skip(start=match.start(), end=match.end(), reason=reason))
        position = max(position, end)
    return rest


def code_lines(source: str, start: int, end: int) -> list[Run]:
    """Return the lines of a block of code, without its fences."""
    lines = list(_SOLID.finditer(source, start, end))
    if lines and _FENCE.match(lines[0][0]):
        mark = lines[0][0][:3]
        lines = lines[1:-1] if lines[-1][0].startswith(mark) and len(lines) > 1 else lines[1:]
    return [Run(start=line.start(), end=line.end()) for line in lines if _WORD.search(line[0])]


def forget_footnotes(state: StateCore) -> None:
    """Undo CommonMark's reading of a one-word footnote, which looks like a link definition."""
    references = state.env.get("references", {})
    for label in [label for label in references if label.startswith("^")]:
        del references[label]


def _reason(text: str) -> SkipReason:
    if _FOOTNOTE.match(text):
        return SkipReason.NOTE
    if _LINK_DEFINITION.match(text):
        return SkipReason.LINK_TARGET
    return SkipReason.HTML if _TAG.match(text) else SkipReason.MARKUP
