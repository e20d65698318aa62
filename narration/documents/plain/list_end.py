"""Where a table of contents ends and the text begins: at the first heading that it lists."""

from collections.abc import Sequence

from narration.documents.plain.entries import Entry
from narration.documents.plain.headings import Heading, Rank, read_heading
from narration.documents.plain.lines import Group
from narration.documents.plain.title_keys import PAGE, title_key

_KEY_START = 12
_WIDE_GAP = 3


def body_start(groups: Sequence[Group], start: int, end: int, entries: Sequence[Entry]) -> int:
    """Return where the headings of the text begin: where the first entry appears again."""
    if not entries:
        return end
    lines = [title_key(line.text) for group in groups[start:end] for line in group.lines]
    for entry in entries[:2]:
        if lines.count(title_key(entry.text)) > 2:
            continue  # "Jonathan Harker's Journal"
        for index in range(start + 1, end):
            if groups[index].gap and repeats(groups, start, index, entry):
                return _with_half_title(groups, start, index)
    # The heading in the text differs from the table: take the one just above the first words.
    for index in range(max(start + 1, end - 4), end):
        heading = read_heading(groups[index].first)
        if heading is not None and groups[index].gap > 1 and (heading.number or 1) == 1:
            return _with_half_title(groups, start, index)
    return end


def repeats(groups: Sequence[Group], start: int, index: int, entry: Entry) -> bool:
    """Return whether a group has the heading of an entry, and is below that entry."""
    first = groups[index].first
    key, promised = title_key(first), title_key(entry.text)
    title = title_key(entry.heading.title) if entry.heading is not None else promised
    if not key or not (key in {promised, title} or _is_same(read_heading(first), entry.heading)):
        return False
    above = (line for group in groups[start:index] for line in group.lines)
    is_below = any(title_key(line.text)[:_KEY_START] == promised[:_KEY_START] for line in above)
    return is_below and (len(groups[index].lines) == 1 or index > start + 1)


def _is_same(heading: Heading | None, promised: Heading | None) -> bool:
    """Return whether two headings are the same: "I. The Hill" listed, "CHAPTER I" printed."""
    if heading is None or promised is None or heading.number != promised.number:
        return False
    if {heading.rank, promised.rank} not in (
        {heading.rank},
        {Rank.CHAPTER, Rank.NUMERAL},
    ):
        return False
    if not heading.title or not promised.title:
        return True
    return title_key(heading.title) == title_key(promised.title)


def _with_half_title(groups: Sequence[Group], start: int, index: int) -> int:
    """Leave the title of the book above its first chapter to the text."""
    above = groups[index - 1] if index - 1 > start + 1 else None
    if above is None or len(above.lines) > 2 or above.gap < 2 or PAGE.search(above.text):
        return index
    is_apart = above.gap >= _WIDE_GAP or above.text.isupper()
    return index - 1 if is_apart and read_heading(above.first) is None else index
