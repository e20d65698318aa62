"""The one walk over a parsed page: its text block by block, and what of it is not read.

Used for EPUB pages, HTML files, HTML in markdown, and everything converted to HTML.
"""

import re
from dataclasses import dataclass
from itertools import islice

from lxml import etree

from narration.documents.compose import compose, end_stanzas
from narration.documents.elements import (
    BLOCKS,
    UNSEEN,
    Traits,
    has_mark_class,
    heading_level,
    is_code,
    is_poem,
    is_stanza,
    is_titling,
    is_unnumbered,
    is_verse_line,
    skip_reason,
    traits_of,
)
from narration.documents.grids import is_grid_of_numbers
from narration.documents.lists import Numbering, is_numbered, numbering_of
from narration.documents.marks import as_power, is_linked_mark, is_note_mark, is_raised_mark
from narration.documents.paragraphs import Context, Page, PageBlock, PageWriter
from narration.documents.stylesheet import NO_RULES, StyleRules
from narration.documents.tree import local_name, page_text, parse_page
from narration.documents.types import Skip, SkipReason

_NOTHING: frozenset[SkipReason] = frozenset()
_DROP_CAP = re.compile(r"\s*[\"“‘'«]?\s*[A-Z]\s*")
_OUTSIDE = re.compile(r"(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)
_LONGEST_MARK = 24
# Elements with a meaning even without attributes.
_MEANINGFUL = (
    frozenset({"pre", "code", "kbd", "samp", "sup", "table", "nav", "rt", "rp", "rtc"})
    | {f"h{level}" for level in range(1, 7)}
    | {"button", "select", "textarea"}
)


def read_page(
    markup: str,
    *,
    what: str,
    offset: int = 0,
    rules: StyleRules = NO_RULES,
    spoken: frozenset[SkipReason] = _NOTHING,
) -> Page:
    """Parse a page and walk it; see walk_page.

    Raises: DocumentError if it is too large or nested too deep.
    """
    return walk_page(parse_page(markup, what=what), offset=offset, rules=rules, spoken=spoken)


def walk_page(
    root: etree._Element,
    *,
    offset: int = 0,
    rules: StyleRules = NO_RULES,
    spoken: frozenset[SkipReason] = _NOTHING,
) -> Page:
    """Read a tree of HTML elements; offsets begin at `offset`, the page's place in the source.

    `rules` are those of the page's style sheets; text that would be skipped for a reason in
    `spoken` is read.
    """
    walk = _Walk(offset, rules, spoken)
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            walk.start(element)
        else:
            walk.end(element)
    collected = walk.writer.finish()
    blocks: list[PageBlock] = []
    skips: list[Skip] = []
    for number, pieces in enumerate(collected.paragraphs):
        composed, skipped = compose(number, pieces, spoken)
        blocks += composed
        skips += skipped
    return Page(
        text="".join(collected.parts),
        blocks=tuple(end_stanzas(blocks)),
        skips=tuple(skips),
        anchors=collected.anchors,
        extents=collected.extents,
        marks=tuple(collected.marks),
        added=tuple(collected.added),
    )


@dataclass(slots=True)
class _Open:
    """An open element; `number` is unique within the page."""

    name: str
    context: Context
    number: int = 0
    identifier: str = ""
    numbering: Numbering | None = None
    is_unseen: bool = False


class _Walk:
    """Walks the tree and passes the text to the writer."""

    def __init__(self, offset: int, rules: StyleRules, spoken: frozenset[SkipReason]) -> None:
        self.writer = PageWriter(offset)
        self._rules = rules
        self._spoken = spoken
        self._open: list[_Open] = [_Open("", Context())]
        self._count = 0
        self._names: dict[object, str] = {}

    def start(self, element: etree._Element) -> None:
        """Begin an element and read the text before its first child."""
        name = self._names.get(element.tag)
        if name is None:
            name = self._names[element.tag] = local_name(element)
        above = self._open[-1]
        self._count += 1
        opened = _Open(name, above.context, self._count)
        self._open.append(opened)
        opened.is_unseen = above.is_unseen or name in UNSEEN
        if opened.is_unseen:
            return
        traits = traits_of(element, name)
        opened.identifier = traits.attributes.get("id") or traits.attributes.get("name", "")
        if name in BLOCKS:
            self._start_block(opened, traits, element)
        opened.context = self._context(element, traits, above)
        self.writer.anchor(opened.identifier)
        self._read_start(element, traits, opened.context)

    def end(self, element: etree._Element) -> None:
        """End an element and read the text after it."""
        closed = self._open.pop()
        if not closed.is_unseen and closed.name in BLOCKS:
            self.writer.break_block()
            if closed.identifier:
                self.writer.close_anchor(closed.identifier)
        if element.tail and not self._open[-1].is_unseen:
            self.writer.add(element.tail, self._open[-1].context)

    def _start_block(self, opened: _Open, traits: Traits, element: etree._Element) -> None:
        if traits.name in {"td", "th"}:
            self.writer.start_cell()
        elif traits.name == "tr":
            self.writer.start_row()
        else:
            self.writer.break_block()
        if traits.name == "ol" and not is_unnumbered(traits, self._rules):
            opened.numbering = numbering_of(element, traits.attributes)

    def _read_start(self, element: etree._Element, traits: Traits, context: Context) -> None:
        if traits.name == "img":
            self._read_image(element, traits, context)
        elif traits.name == "br":
            self.writer.add_break(context)
        elif traits.name == "li":
            numbering = self._open[-2].numbering
            if numbering is not None and context.reason is None:
                number = numbering.next(traits.attributes.get("value", ""))
                self.writer.add_prefix("" if is_numbered(page_text(element, 12)) else number)
        if element.text:
            raised = as_power(element.text) if traits.name == "sup" else None
            self.writer.add(element.text, context, raised if context.reason is None else None)

    def _context(self, element: etree._Element, traits: Traits, above: _Open) -> Context:
        """Return the context for the text in an element."""
        outer = above.context
        if not traits.attributes and traits.name not in _MEANINGFUL:
            return outer
        level = heading_level(traits)
        is_pre = outer.is_pre or traits.name == "pre"
        context = Context(
            reason=outer.reason or self._reason(element, traits, outer),
            language=traits.attributes.get("lang") or outer.language,
            level=level or outer.level,
            is_titling=outer.is_titling or level is not None or is_titling(traits),
            is_pre=is_pre,
            is_code=outer.is_code or (is_pre and is_code(traits)),
            is_linked=outer.is_linked or _leads_inside(traits),
            is_raised=outer.is_raised or traits.name == "sup",
            stanza=outer.stanza or self._stanza(traits, above),
        )
        if outer.stanza and is_stanza(traits):
            return context.evolve(stanza=self._count)
        return context

    def _stanza(self, traits: Traits, above: _Open) -> int:
        if traits.name not in BLOCKS:
            return 0
        if is_stanza(traits) or is_poem(traits):
            return self._count
        return above.number if is_verse_line(traits) else 0

    def _reason(self, element: etree._Element, traits: Traits, outer: Context) -> SkipReason | None:
        reason = skip_reason(element, traits, self._rules)
        if traits.name == "table" and reason is None and is_grid_of_numbers(element):
            reason = SkipReason.NUMBER_TABLE
        if reason is SkipReason.NOTE_MARK:
            text = page_text(element, _LONGEST_MARK)
            reason = reason if is_note_mark(text) else None  # otherwise a word with a note
        elif reason is None and self._is_mark(element, traits, outer):
            reason = SkipReason.NOTE_MARK
        if reason is SkipReason.NOTE_MARK and self.writer.before:
            self._remember_target(element, outer)
        return None if reason in self._spoken else reason

    def _is_mark(self, element: etree._Element, traits: Traits, outer: Context) -> bool:
        """Return whether an element is a note reference, whatever its markup."""
        if traits.name not in {"a", "sup", "span"}:
            return False
        is_marked = has_mark_class(traits)
        is_link = traits.name == "a" and "#" in traits.attributes.get("href", "")
        if not is_marked and not is_link and traits.name != "sup":
            return False
        text = page_text(element, _LONGEST_MARK)
        if traits.name == "sup" and not is_marked and _link_in(element, outer) is None:
            return is_raised_mark(text, self.writer.before)
        is_raised = outer.is_raised or _raises(element)
        return is_linked_mark(text, self.writer.before, is_raised=is_raised, is_marked=is_marked)

    def _remember_target(self, element: etree._Element, outer: Context) -> None:
        link = _link_in(element, outer)
        if link is not None:
            self.writer.mark(str(link.get("href", "")))

    def _read_image(self, element: etree._Element, traits: Traits, context: Context) -> None:
        """Read an image's text if it replaces the heading or a first letter."""
        text = traits.attributes.get("alt", "").strip()
        is_first = not self.writer.before and _DROP_CAP.fullmatch(text) is not None
        if not text or (is_first and not element.tail):
            return
        if is_first or (context.level is not None and _heads_alone(element)):
            self.writer.add_hidden(text, context)
        else:
            reason = None if SkipReason.IMAGE in self._spoken else SkipReason.IMAGE
            self.writer.add_hidden(text, context.evolve(reason=context.reason or reason))


def _leads_inside(traits: Traits) -> bool:
    target = traits.attributes.get("href", "") if traits.name == "a" else ""
    return bool(target) and _OUTSIDE.match(target) is None


def _raises(element: etree._Element) -> bool:
    return len(element) > 0 and any(local_name(each) == "sup" for each in islice(element.iter(), 6))


def _link_in(element: etree._Element, outer: Context) -> etree._Element | None:
    """Return the link that an element is, contains, or is inside of."""
    inside = islice(element.iter(), 6) if len(element) else (element,)
    outside = islice(element.iterancestors(), 3) if outer.is_linked else ()
    return next(
        (each for each in (*inside, *outside) if each.get("href") and local_name(each) == "a"), None
    )


def _heads_alone(image: etree._Element) -> bool:
    """Return whether the heading around an image has no other text."""
    for element in image.iterancestors():
        if heading_level(traits_of(element, local_name(element))) is not None:
            return not page_text(element, 40).strip()
    return False
