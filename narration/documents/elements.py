"""What an element of a page means to a listener, judged by its name, types and classes.

Looks at one element at a time, never at the text around it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from narration.documents.stylesheet import StyleRules
from narration.documents.tree import page_text
from narration.documents.types import SkipReason


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


BLOCKS = _names(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav "
    "ol optgroup p pre section summary table tbody td tfoot th thead tr ul"
)
# Not text: scripts and styles, and fallbacks that only show if a player is missing.
UNSEEN = _names(
    "annotation annotation-xml audio canvas datalist embed head iframe noscript object script "
    "style svg template title video"
)
_BY_NAME = dict.fromkeys(_names("button nav select textarea"), SkipReason.NAVIGATION) | (
    dict.fromkeys(_names("rt rp rtc"), SkipReason.RUBY)
)
# Source: EPUB Structural Semantics Vocabulary 1.1, DPUB-ARIA 1.1.
_BY_TYPE = {
    SkipReason.NOTE: _names(
        "footnote footnotes endnote endnotes rearnote rearnotes note doc-footnote doc-endnote "
        "doc-endnotes"
    ),
    SkipReason.NOTE_MARK: _names("noteref doc-noteref backlink doc-backlink referrer"),
    SkipReason.CONTENTS: _names(
        "toc toc-brief doc-toc landmarks page-list doc-pagelist loa loi lot lov"
    ),
    SkipReason.INDEX: _names("index doc-index"),
    SkipReason.COPYRIGHT: _names("copyright-page imprint imprimatur colophon doc-colophon"),
    SkipReason.PAGE_NUMBER: _names("pagebreak doc-pagebreak"),
}
_TYPES = {name: reason for reason, names in _BY_TYPE.items() for name in names}
_NOTE_CLASS = re.compile(r"(?:foot|end|rear)[-_]?notes?(?:[-_]?(?:text|body|entry|item|list))?")
_BOILERPLATE_CLASS = re.compile(
    r"pg[-_]?(?:boilerplate|header|footer|machine-header)|"
    r"(?:trans|transcribers?|tn)[-_]?notes?(?:[-_]?\w+)?|tnote"
)
_PAGE_CLASS = re.compile(
    r"page[-_]?(?:num(?:ber)?s?|no|break|marker|ref)?|pb|pgnum|pgno|pg|folio|pagination"
)
_PAGE_TEXT = re.compile(
    r"\s*[\[({|]?\s*(?:pg|pages?|p)?\.?\s*[\divxlc]{1,6}\s*[\])}|]?\s*", re.IGNORECASE
)
_LONGEST_CONTROL = 60  # characters
_LINE_CLASS = re.compile(r"line[-_]?(?:num(?:ber)?|no)|ln(?:um)?|verse[-_]?num(?:ber)?|linenr?")
_LINE_TEXT = re.compile(r"\s*\(?\d{1,5}[.)]?\s*")
_MARK_CLASS = re.compile(
    r"(?:foot|end)?note[-_]?(?:ref(?:erence)?|anchor|call|link|mark|number)|fn(?:ref|anchor)?|"
    r"footnote|noteref|fna"
)
# Links for editing a wiki and links to the heading itself, which are placed next to it.
_CONTROL_CLASS = re.compile(
    r"mw-editsection(?:-\w+)?|edit-?section|header-?link|perma-?link|anchor-?link|heading-?anchor"
)
_HEADING_CLASS = re.compile(
    r"(?:(?:chapter|chap|part|section|sect|book|story|poem|act|scene|c|ch)"
    r"[-_]?(?:titles?|head(?:ing)?|hd|number|num|no|name|subtitle|ttl)|(?:sub)?title|heading)"
    r"[-_]?\d{0,2}"
)
_HEADING_PARAGRAPH = re.compile(r"chap(?:ter)?|part|ct|cn|chaptitle")
_HEADING_TYPES = _names("title subtitle fulltitle ordinal label")
_POEM = re.compile(r"poe(?:m|try|ms)|verse|verses|z3998:(?:verse|poem|song|hymn|lyrics)|song|hymn")
_STANZA = re.compile(r"stanza|strophe|linegroup|line-block|lg|verse-group|couplet|quatrain")
_VERSE_LINE = re.compile(r"line|verse[-_]?line|poe(?:m|try)[-_]?line|vline")
_HIDING = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_UNNUMBERED = re.compile(r"list-style(?:-type)?\s*:\s*[^;]*\bnone\b", re.IGNORECASE)
_CODE_CLASS = re.compile(r"code\w*|programlisting|highlight|source\w*|language-.*|screen|listing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """An element's name, attributes, and the words that describe its purpose."""

    name: str
    attributes: Mapping[str, str]
    types: tuple[str, ...]
    classes: tuple[str, ...]

    def has_class(self, pattern: re.Pattern[str]) -> bool:
        """Return whether one of its classes matches."""
        return any(pattern.fullmatch(name) for name in self.classes)


_PLAIN = {name: Traits(name=name, attributes={}, types=(), classes=()) for name in BLOCKS}


def traits_of(element: etree._Element, name: str) -> Traits:
    """Collect an element's traits; names lose their namespaces."""
    items = element.items()
    if not items:
        return _PLAIN.get(name) or Traits(name=name, attributes={}, types=(), classes=())
    attributes = {re.split("[}:]", str(key))[-1]: str(value) for key, value in items}
    types = f"{attributes.get('type', '') if name not in {'ol', 'li'} else ''} "
    return Traits(
        name=name,
        attributes=attributes,
        types=tuple(f"{types}{attributes.get('role', '')}".lower().split()),
        classes=tuple(attributes.get("class", "").lower().split()),
    )


def skip_reason(element: etree._Element, traits: Traits, rules: StyleRules) -> SkipReason | None:
    """Return why an element is never read aloud, whatever it contains; None if it is."""
    by_type = next((_TYPES[name] for name in traits.types if name in _TYPES), None)
    if by_type is None and _is_hidden(traits, rules):
        return SkipReason.HIDDEN
    if _is_control(element, traits):
        return SkipReason.NAVIGATION
    return by_type or _BY_NAME.get(traits.name) or _reason_by_class(element, traits)


def _is_hidden(traits: Traits, rules: StyleRules) -> bool:
    attributes = traits.attributes
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or ("style" in attributes and _HIDING.search(attributes["style"]) is not None)
        or rules.hides(traits.name, traits.classes, attributes.get("id"))
    )


def _is_control(element: etree._Element, traits: Traits) -> bool:
    """Return whether an element is a control in a heading."""
    if traits.name not in {"a", "span"} or not traits.has_class(_CONTROL_CLASS):
        return False
    return len(page_text(element, _LONGEST_CONTROL + 1)) <= _LONGEST_CONTROL


def _reason_by_class(element: etree._Element, traits: Traits) -> SkipReason | None:
    identifier = traits.attributes.get("id", "").lower()
    if traits.has_class(_BOILERPLATE_CLASS) or _BOILERPLATE_CLASS.fullmatch(identifier):
        return SkipReason.BOILERPLATE
    if not traits.classes:
        return None
    if traits.name in BLOCKS and traits.has_class(_NOTE_CLASS):
        return SkipReason.NOTE
    if traits.has_class(_PAGE_CLASS) and _PAGE_TEXT.fullmatch(page_text(element, 20)):
        return SkipReason.PAGE_NUMBER
    if traits.has_class(_LINE_CLASS) and _LINE_TEXT.fullmatch(page_text(element, 20)):
        return SkipReason.LINE_NUMBER
    return None


def has_mark_class(traits: Traits) -> bool:
    """Return whether an element's class says that it is a note reference."""
    return traits.has_class(_MARK_CLASS)


def heading_level(traits: Traits) -> int | None:
    """Return the level of a heading; None if the element is not a heading."""
    name = traits.name
    if len(name) == 2 and name[0] == "h" and name[1] in "123456":
        return int(name[1])
    if "heading" in traits.types:
        level = traits.attributes.get("aria-level", "2")
        return int(level) if level in {"1", "2", "3", "4", "5", "6"} else 2
    return None


def is_titling(traits: Traits) -> bool:
    """Return whether a paragraph is styled as a heading without being marked up as one."""
    if traits.name == "p" and traits.has_class(_HEADING_PARAGRAPH):
        return True
    return traits.name in {"p", "div"} and (
        traits.has_class(_HEADING_CLASS) or not _HEADING_TYPES.isdisjoint(traits.types)
    )


def is_stanza(traits: Traits) -> bool:
    """Return whether the blocks in an element are lines of one stanza."""
    return traits.has_class(_STANZA)


def is_poem(traits: Traits) -> bool:
    """Return whether an element holds verse."""
    return traits.has_class(_POEM) or any(_POEM.fullmatch(name) for name in traits.types)


def is_verse_line(traits: Traits) -> bool:
    """Return whether an element is one line of verse."""
    return traits.name in BLOCKS and traits.has_class(_VERSE_LINE)


def is_code(traits: Traits) -> bool:
    """Return whether an element holds program code or output."""
    return traits.name in {"code", "kbd", "samp"} or traits.has_class(_CODE_CLASS)


def is_unnumbered(traits: Traits, rules: StyleRules) -> bool:
    """Return whether an ordered list shows no numbers."""
    style = traits.attributes.get("style", "")
    return _UNNUMBERED.search(style) is not None or rules.drops_numbers(
        traits.name, traits.classes, traits.attributes.get("id")
    )
