"""HTML file -> document: the article of a saved page, without the menus around it."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace

from lxml import etree

from narration.documents.article import find_article, mark_surroundings
from narration.documents.chapters import by_headings, lone_title
from narration.documents.decode import decode_page
from narration.documents.facts import tidy
from narration.documents.gutenberg import boilerplate
from narration.documents.matter import titled_reason
from narration.documents.page import walk_page
from narration.documents.page_facts import read_facts
from narration.documents.paragraphs import Page, PageBlock
from narration.documents.repeated import contents_reasons
from narration.documents.stylesheet import read_styles
from narration.documents.tree import local_name, parse_page
from narration.documents.types import Document, Metadata, Skip, SkipReason
from narration.errors import DocumentError

HTML = "text/html"
_MOST_HIDDEN = 0.5
_NOTHING: frozenset[SkipReason] = frozenset()


def read_html(
    data: bytes, *, what: str, max_chars: int, spoken: frozenset[SkipReason] = _NOTHING
) -> Document:
    """Read a page; `source` is its text.

    Raises: DocumentError if it is too large, nested too deep, or has nothing to read aloud.
    """
    root = parse_page(decode_page(data, what=what), what=what)
    facts = read_facts(root)
    article = find_article(root)
    if article is not None:
        mark_surroundings(article)
    return page_document(
        root, what=what, media_type=HTML, metadata=facts, max_chars=max_chars, spoken=spoken
    )


def page_document(
    root: etree._Element,
    *,
    what: str,
    media_type: str,
    metadata: Metadata,
    max_chars: int,
    spoken: frozenset[SkipReason],
) -> Document:
    """Read one page as a whole document, and divide it by its headings."""
    styles = [
        "".join(map(str, element.itertext()))
        for element in root.iter()
        if local_name(element) == "style"
    ]
    page = walk_page(root, rules=read_styles(styles), spoken=spoken)
    hidden = sum(s.end - s.start for s in page.skips if s.reason is SkipReason.HIDDEN)
    if styles and hidden > len(page.text) * _MOST_HIDDEN:  # shown by a script, or on other screens
        page = walk_page(root, spoken=spoken)
    if len(page.text) > max_chars:
        raise DocumentError(
            f"{what} has more than {max_chars:,} characters of text: send it in parts"
        )
    blocks, skips = _sort_out(page, spoken)
    if not blocks:
        raise DocumentError(
            f"{what} has no text to read aloud: if it is filled in by scripts, save the page from "
            "a browser's reading view"
        )
    metadata = tidy(metadata)
    title = metadata.title or lone_title(blocks)
    return Document(
        source=page.text,
        media_type=media_type,
        encoding="utf-8",
        metadata=replace(metadata, title=title),
        chapters=by_headings(blocks, title=title),
        skips=tuple(sorted([*page.skips, *skips], key=lambda skip: skip.start)),
    )


def _sort_out(page: Page, spoken: frozenset[SkipReason]) -> tuple[list[PageBlock], list[Skip]]:
    """Drop notices of Project Gutenberg and tables of contents."""
    blocks: list[PageBlock] = []
    skips: list[Skip] = []
    notices = boilerplate([block.text for block in page.blocks])
    lists = _with_menus(page, contents_reasons(page.blocks))
    for block, is_notice, listed in zip(page.blocks, notices, lists, strict=True):
        reason = SkipReason.BOILERPLATE if is_notice else listed
        if reason is None or reason in spoken:
            blocks.append(block)
        else:
            skips += _skips(block, reason)
    return blocks, skips


def _with_menus(page: Page, reasons: Sequence[SkipReason | None]) -> Iterator[SkipReason | None]:
    """Also skip a heading "Contents" above a menu of links, which is not a block itself."""
    menus = sorted(skip.start for skip in page.skips if skip.reason is SkipReason.NAVIGATION)
    starts = [block.start for block in page.blocks]
    ends = [*starts, len(page.text)][1 : len(starts) + 1]
    for block, end, reason in zip(page.blocks, ends, reasons, strict=True):
        is_named = titled_reason(block.text) is SkipReason.CONTENTS
        has_menu = is_named and bisect_left(menus, block.end) < bisect_left(menus, end)
        yield SkipReason.CONTENTS if has_menu else reason


def _skips(block: PageBlock, reason: SkipReason) -> Sequence[Skip]:
    return [Skip(start=run.start, end=run.end, reason=reason) for run in block.runs]
