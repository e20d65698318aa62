"""The numbers that an ordered list shows before its items."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from narration.documents.tree import local_name

_WHOLE = re.compile(r"-?\d{1,6}")
_NUMBERED = re.compile(r"\s*[\[(]?(?:\d{1,4}|[ivxlcIVXLC]{1,6}|[A-Za-z])[.)\]:]\s")


@dataclass(slots=True)
class Numbering:
    """Counts the items of one list."""

    number: int
    step: int
    is_lettered: bool

    def next(self, value: str) -> str:
        """Return the number of the next item, which may specify its own."""
        if _WHOLE.fullmatch(value):
            self.number = int(value)
        number = self.number
        self.number += self.step
        if self.is_lettered and 1 <= number <= 26:
            return f"{chr(ord('a') + number - 1)}. "
        return f"{number}. "


def numbering_of(element: etree._Element, attributes: Mapping[str, str]) -> Numbering:
    """Return the numbering that a list specifies."""
    start = attributes.get("start", "")
    is_reversed = "reversed" in attributes
    first = sum(local_name(child) == "li" for child in element) if is_reversed else 1
    return Numbering(
        number=int(start) if _WHOLE.fullmatch(start) else first,
        step=-1 if is_reversed else 1,
        is_lettered=attributes.get("type", "") in {"a", "A"},
    )


def is_numbered(text: str) -> bool:
    """Return whether the text of an item already begins with its number."""
    return _NUMBERED.match(text) is not None
