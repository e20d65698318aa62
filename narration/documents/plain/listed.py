"""Where the titles in a table of contents appear in the text."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from narration.documents.plain.entries import Entry
from narration.documents.plain.headings import read_heading
from narration.documents.plain.lines import Group
from narration.documents.plain.title_keys import title_key

_MOST_LINES = 4
_LONGEST = 200
_LEAST_FOUND = 2


class Titles:
    """The titles of a text by key, each with all its places."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._groups = groups
        self._places: dict[str, list[int]] | None = None

    def find(
        self, entries: Sequence[Entry], start: int, *, least: int = _LEAST_FOUND
    ) -> dict[int, Entry]:
        """Return the place of each listed title from groups[start] on, in order.

        Empty if the text has less than half of them, because then it is not its table.
        """
        places = self._known_places()
        counts = Counter(_bare_key(entry) for entry in entries)
        titles: dict[int, Entry] = {}
        last = start - 1
        for entry in entries:
            candidates = [
                places[key][at]
                for key in _entry_keys(entry, counts)
                if key in places and (at := bisect_right(places[key], last)) < len(places[key])
            ]
            if candidates:
                last = candidates[0]
                titles[last] = entry
        return titles if len(titles) >= least and len(titles) * 2 >= len(entries) else {}

    def stands_below(self, entry: Entry, start: int) -> bool:
        """Return whether a title appears from groups[start] on."""
        return bool(self.find([entry], start, least=1))

    def count(self, entry: Entry, start: int) -> int:
        """Return how often a title appears from groups[start] on."""
        places = self._known_places().get(title_key(entry.text), ())
        return len(places) - bisect_left(places, start)

    def _known_places(self) -> Mapping[str, list[int]]:
        if self._places is None:
            self._places = defaultdict(list)
            for index, group in enumerate(self._groups):
                if len(group.lines) <= _MOST_LINES and len(group.text) <= _LONGEST:
                    for key in _group_keys(self._groups, index):
                        self._places[key].append(index)
        return self._places


def _group_keys(groups: Sequence[Group], index: int) -> set[str]:
    """Return the keys of a heading: as written, without its number, and with the title below it."""
    group = groups[index]
    heading = read_heading(group.first)
    keys = {title_key(group.text)}
    if heading is None:
        return keys - {""}
    if heading.number is not None:
        keys |= {f"#{heading.word}:{heading.number}", f"#:{heading.number}"}
    if heading.title or len(group.lines) > 1:
        rest = " ".join([heading.title, *(line.text for line in group.lines[1:])])
        keys |= {title_key(rest), f"{heading.number}:{title_key(rest)}"}
    elif index + 1 < len(groups):
        below = title_key(groups[index + 1].text)
        keys |= {f"{heading.number}:{below}", title_key(group.text) + below}
    return keys - {""}


def _entry_keys(entry: Entry, counts: Mapping[str, int]) -> list[str]:
    """Return the keys of a listed title, most specific first; a title listed twice is no key."""
    keys = [title_key(entry.text)] if counts[title_key(entry.text)] < _LEAST_FOUND else []
    heading, bare = entry.heading, _bare_key(entry)
    if heading is None or heading.number is None:
        return keys
    if bare:
        keys.append(f"{heading.number}:{bare}")
        keys += [bare] if counts[bare] == 1 else []
    return [*keys, f"#{heading.word}:{heading.number}"]


def _bare_key(entry: Entry) -> str:
    return title_key(entry.text if entry.heading is None else entry.heading.title)
