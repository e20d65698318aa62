"""CSS -> which elements are hidden and which lists are unnumbered; the rest is ignored.

Only selectors for a single element are supported: `p.x`, `.x.y`, `#x`, `nav`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_COMMENT = re.compile(r"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/")
_TOKEN = re.compile(r"[{}]")
_HIDING = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_UNNUMBERED = re.compile(r"(?:^|;)\s*list-style(?:-type)?\s*:\s*[^;]*\bnone\b", re.IGNORECASE)
_SELECTOR = re.compile(r"(?P<name>[a-z][a-z0-9]*)?(?P<rest>(?:[.#][\w-]+)*)", re.IGNORECASE)
_SUFFIX = re.compile(r"([.#])([\w-]+)")
_MAX_CHARS = 2_000_000  # of all style sheets; the largest known ones have a tenth


@dataclass(frozen=True, slots=True)
class _Selector:
    name: str
    classes: frozenset[str]
    identifier: str

    def fits(self, name: str, classes: Iterable[str], identifier: str | None) -> bool:
        return (
            self.name in {"", name}
            and self.identifier in {"", identifier}
            and self.classes.issubset(classes)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleRules:
    """Selectors, indexed by a class, identifier or name that each of them requires."""

    hiding: dict[str, tuple[_Selector, ...]]
    unnumbering: dict[str, tuple[_Selector, ...]]

    def hides(self, name: str, classes: tuple[str, ...], identifier: str | None) -> bool:
        """Return whether such an element is hidden."""
        return _fits(self.hiding, name, classes, identifier)

    def drops_numbers(self, name: str, classes: tuple[str, ...], identifier: str | None) -> bool:
        """Return whether such a list shows no numbers."""
        return _fits(self.unnumbering, name, classes, identifier)


NO_RULES = StyleRules(hiding={}, unnumbering={})


def read_styles(sheets: Iterable[str]) -> StyleRules:
    """Collect the rules of style sheets, without those for certain devices only."""
    hiding: dict[str, list[_Selector]] = {}
    unnumbering: dict[str, list[_Selector]] = {}
    budget = _MAX_CHARS
    for sheet in sheets:
        for selectors, body in _rules(_COMMENT.sub("", sheet[:budget])):
            for pattern, table in ((_HIDING, hiding), (_UNNUMBERED, unnumbering)):
                if pattern.search(body):
                    for selector in _selectors(selectors):
                        table.setdefault(_key(selector), []).append(selector)
        budget = max(budget - len(sheet), 0)
    return StyleRules(hiding=_frozen(hiding), unnumbering=_frozen(unnumbering))


def _rules(sheet: str) -> Iterator[tuple[str, str]]:
    """Return the rules outside of any block."""
    depth = start = 0
    selectors = ""
    for token in _TOKEN.finditer(sheet):
        if token[0] == "{":
            if depth == 0:
                selectors, start = sheet[start : token.start()].rpartition(";")[2], token.end()
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                if not selectors.lstrip().startswith("@"):
                    yield selectors, sheet[start : token.start()]
                start = token.end()


def _selectors(text: str) -> Iterator[_Selector]:
    for part in text.split(","):
        match = _SELECTOR.fullmatch(part.strip())
        if match is None or not match[0]:
            continue
        suffixes = _SUFFIX.findall(match["rest"])
        yield _Selector(
            name=(match["name"] or "").lower(),
            classes=frozenset(value.lower() for kind, value in suffixes if kind == "."),
            identifier=next((value for kind, value in suffixes if kind == "#"), ""),
        )


def _key(selector: _Selector) -> str:
    if selector.identifier:
        return f"#{selector.identifier}"
    return f".{min(selector.classes)}" if selector.classes else selector.name


def _frozen(table: dict[str, list[_Selector]]) -> dict[str, tuple[_Selector, ...]]:
    return {key: tuple(dict.fromkeys(selectors)) for key, selectors in table.items()}


def _fits(
    table: dict[str, tuple[_Selector, ...]],
    name: str,
    classes: tuple[str, ...],
    identifier: str | None,
) -> bool:
    if not table:
        return False
    keys = [name, *(f".{each}" for each in classes)]
    if identifier:
        keys.append(f"#{identifier}")
    return any(
        selector.fits(name, classes, identifier) for key in keys for selector in table.get(key, ())
    )
