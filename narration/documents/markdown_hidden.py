"""What the HTML in a markdown text hides: an element may end paragraphs after it began."""

import re
from collections.abc import Iterator, Sequence

from markdown_it.token import Token

_TAG = re.compile(
    r"<(?P<close>/?)(?P<name>[a-z][a-z0-9-]*)"
    r"(?P<attributes>(?:\"[^\"]*+\"|'[^']*+'|[^<>\"'])*+)>",
    re.IGNORECASE,
)
_HIDES = re.compile(
    r"\sstyle\s*=\s*(?:\"[^\"]*?|'[^']*?|)(?:display\s*:\s*none|visibility\s*:\s*hidden)"
    r"|\saria-hidden\s*=\s*[\"']?true",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_HIDDEN = re.compile(r"\shidden(?=[\s=/]|$)", re.IGNORECASE)
_EMPTY = frozenset({"br", "hr", "img", "input", "link", "meta", "area", "col", "source", "wbr"})


class HiddenElements:
    """Follows tags in order and reports where a hidden element begins and ends."""

    def __init__(self) -> None:
        self._name = ""
        self._depth = 0
        self._opened = 0

    def read(self, text: str, place: int) -> int | None:
        """Read the tags in a text; if a hidden element ends, return the place where it began."""
        ended: int | None = None
        for tag in _TAG.finditer(text):
            name = tag["name"].lower()
            if name in _EMPTY or tag["attributes"].endswith("/"):
                continue
            if self._depth:
                if name == self._name:
                    self._depth += -1 if tag["close"] else 1
                    ended = ended if self._depth else self._opened
            elif not tag["close"] and _is_hiding(tag["attributes"]):
                self._name, self._depth, self._opened = name, 1, place
        return ended


def without_hidden(tokens: Sequence[Token]) -> tuple[list[Token], list[list[int]]]:
    """Drop blocks between two pieces of HTML that hide them; also return their lines.

    An element that is never closed hides nothing: an extra word is better than lost text.
    """
    elements: dict[int, HiddenElements] = {}
    visible: list[Token] = []
    hidden: list[list[int]] = []
    for token in tokens:
        visible.append(token)
        if token.type != "html_block" or token.map is None:
            continue
        own = elements.setdefault(token.level, HiddenElements())
        opened = own.read(token.content, len(visible) - 1)
        if opened is not None and opened < len(visible) - 1:
            first = visible[opened].map
            if first is not None and all(each.level >= token.level for each in visible[opened:]):
                hidden.append([first[1], token.map[0]])
                visible[opened + 1 :] = [token]
    return visible, hidden


def hidden_places(tags: Iterator[tuple[int, str]]) -> list[tuple[int, int]]:
    """Return the ranges of hidden elements, by the numbers of their first and last tags."""
    elements = HiddenElements()
    places: list[tuple[int, int]] = []
    for place, text in tags:
        opened = elements.read(text, place)
        if opened is not None:
            places.append((opened, place))
    return places


def _is_hiding(attributes: str) -> bool:
    if not attributes:
        return False
    return _HIDES.search(attributes) is not None or (
        _HIDDEN.search(_QUOTED.sub("", attributes)) is not None
    )
