"""The block of settings before a markdown text -> metadata."""

import re

from narration.documents.types import Identifier, Metadata, Series

_FACT = re.compile(r"(?P<name>[A-Za-z][\w-]*)[ \t]*:[ \t]*(?P<value>.*)")
_ITEM = re.compile(r"\s*-[ \t]+(?P<value>\S.*)")
_FOLDED = frozenset({"|", ">", "|-", ">-", "|+", ">+"})


def read_front_matter(text: str) -> Metadata:
    """Read the metadata that a title page would have; other settings are ignored."""
    facts = _facts(text)

    def first(*names: str) -> str | None:
        return next((facts[name][0] for name in names if facts.get(name)), None)

    series = first("series", "belongs-to-collection")
    isbn = first("isbn")
    return Metadata(
        title=first("title"),
        authors=tuple(facts.get("author") or facts.get("authors") or facts.get("creator") or ()),
        language=first("lang", "language"),
        date=first("date"),
        publisher=first("publisher"),
        description=first("description", "abstract", "summary"),
        series=Series(name=series, position=first("series_index", "group-position", "volume"))
        if series
        else None,
        identifiers=(Identifier(scheme="isbn", value=isbn),) if isbn else (),
    )


def _facts(text: str) -> dict[str, list[str]]:
    """Collect values by name: one each, or the items of a list."""
    facts: dict[str, list[str]] = {}
    values: list[str] = []
    is_folded = False
    for line in text.splitlines()[1:-1]:
        if match := _FACT.match(line):
            values = facts.setdefault(match["name"].lower(), [])
            value = match["value"].strip()
            is_folded = value in _FOLDED
            values += [] if is_folded else _values(value)
        elif (item := _ITEM.match(line)) and not is_folded:
            value = re.sub(r"^(?:name|text)[ \t]*:[ \t]*", "", item["value"])
            values += _values(value)
        elif is_folded and line.strip():
            values[:] = [" ".join([*values, line.strip()])]
    return facts


def _values(value: str) -> list[str]:
    if value.startswith("[") and value.endswith("]"):
        parts = [_unquoted(part) for part in value[1:-1].split(",")]
    else:
        parts = [_unquoted(value)]
    return [part for part in parts if part]


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].strip()
    return value
