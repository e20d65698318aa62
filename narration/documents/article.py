"""Find the article in a saved page, by what its elements declare or by their text.

Works on the parsed tree only. Everything outside the article becomes navigation, which is not read.
"""

import re
from dataclasses import dataclass

from lxml import etree

from narration.documents.tree import attribute, local_name

_LEAST_CHARS = 250  # a shorter page is read whole, as there is nothing to separate
_LEAST_SHARE = 0.4  # of the page's running text; an article with less is only the first of many
_LEAST_PARAGRAPH = 25
_MAIN_ROLES = frozenset({"main", "article"})
_ASIDE_ROLES = frozenset(
    [
        "navigation",
        "banner",
        "contentinfo",
        "complementary",
        "search",
        "form",
        "menu",
        "menubar",
        "toolbar",
        "dialog",
    ]
)
_SURROUNDINGS = re.compile(
    r"(?:^|[\s_-])(?:nav(?:bar|igation)?|menu|breadcrumbs?|footer|sidebar|side-?nav|share|sharing|"
    r"social(?:-?\w+)?|comments?(?:-?(?:list|area|section|form))?|disqus\w*|related(?:-?\w+)?|"
    r"recommend\w*|promo\w*|advert\w*|ads?|sponsor\w*|subscribe|subscription|newsletter|signup|"
    r"sign-?up|login|cookies?(?:-?\w+)?|consent|popup|modal|overlay|toolbar|pagination|pager|"
    r"tags?(?:-?(?:list|links|cloud))?|byline-?social|widget|masthead|skip-?link|toc|"
    r"mw-editsection|navbox|infobox|noprint|catlinks|printfooter|reflist|references|hatnote|ambox|jump-?to-?nav)"
    r"(?:$|[\s_-])",
    re.IGNORECASE,
)
_CONTENT = re.compile(
    r"(?:^|[\s_-])(?:article|post|entry|story|content|body|main|text|blog|hentry|section|chapter)(?:$|[\s_-])",
    re.IGNORECASE,
)
_ASIDE_TAGS = frozenset({"nav", "aside", "footer", "form", "button", "select", "dialog"})
_TEXT_TAGS = frozenset({"p", "pre", "blockquote", "li", "td", "dd"})
_INLINE_TAGS = frozenset(
    [
        "span",
        "em",
        "strong",
        "i",
        "b",
        "u",
        "font",
        "small",
        "sup",
        "sub",
        "code",
        "q",
        "cite",
        "abbr",
        "mark",
        "time",
        "br",
        "s",
    ]
)
_LEAST_LOOSE = 80  # characters; less text outside of paragraphs is a label
_MOST_ASIDE = 0.3  # of a page's text that a sidebar may contain
_SPARE_TAGS = frozenset({"html", "head", "body"})
_UNSEEN = frozenset({"script", "style", "noscript", "template", "head", "svg", "iframe"})
_HEADING = re.compile(r"h[1-3]")


@dataclass(slots=True)
class _TextCount:
    """Running text below an element: the number of characters, and how many of them are links."""

    chars: int = 0
    linked: int = 0
    prose: int = 0
    inline: int = 0

    def add(self, text: str | None, *, is_linked: bool) -> None:
        """Count text that is directly in the element."""
        size = len(" ".join(text.split())) if text else 0
        self.chars += size
        self.inline += 0 if is_linked else size
        self.linked += size if is_linked else 0


def find_article(root: etree._Element) -> etree._Element | None:
    """Return the element that holds the article; None if the whole page should be read.

    Menus, comments and the like are turned into navigation on the way, unless they contain so much
    of the text that they must be something else.
    """
    everything = _count_texts(root)
    whole = everything[root]
    if whole.chars < _LEAST_CHARS:
        return None
    for element in list(everything):
        if _is_surrounding(element) and everything[element].prose < whole.prose * _MOST_ASIDE:
            element.tag = "nav"
    counts = _count_texts(root)
    whole = counts[root]
    candidates = [element for element in counts if _is_named_main(element)]
    best = max(candidates, key=lambda element: counts[element].prose, default=None)
    if best is not None and counts[best].prose >= whole.prose * _LEAST_SHARE:
        inner = _densest(best, counts)
        return best if inner is None else inner
    return _densest(root, counts)


def mark_surroundings(article: etree._Element) -> None:
    """Turn everything that is not the article, or its title, into navigation."""
    headings = {local_name(each) for each in article.iter() if isinstance(each.tag, str)}
    has_heading = any(_HEADING.fullmatch(name) for name in headings)
    keep = article
    while (parent := keep.getparent()) is not None:
        is_main = any(map(_is_named_main, (parent, *parent.iterancestors())))
        for sibling in parent:
            if sibling is keep or not isinstance(sibling.tag, str):
                continue
            if local_name(sibling) in _UNSEEN:
                continue
            title = None if _is_surrounding(sibling) else _title_in(sibling)
            if title is not None and is_main and has_heading and "h1" not in headings:
                _isolate(title, sibling)
            elif title is None or has_heading:
                sibling.tag = "nav"
        keep = parent


def _count_texts(root: etree._Element) -> dict[etree._Element, _TextCount]:
    """Count the text below every element in one walk; links and single words count for little."""
    counts: dict[etree._Element, _TextCount] = {}
    hidden = linking = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        name = local_name(element)
        if event == "start":
            own = counts[element] = _TextCount()
            hidden += name in _UNSEEN or name == "nav"
            linking += name == "a"
            if not hidden:
                own.add(element.text, is_linked=linking > 0)
            continue
        linking -= name == "a"
        hidden -= name in _UNSEEN or name == "nav"
        parent = element.getparent()
        if parent is None or hidden:
            continue
        own, above = counts[element], counts[parent]
        if name in _TEXT_TAGS and own.chars >= _LEAST_PARAGRAPH:
            own.prose = max(own.prose, own.chars - 2 * own.linked)
        elif name in _INLINE_TAGS:
            above.inline += own.inline
        elif own.inline >= _LEAST_LOOSE:
            own.prose += own.inline
        above.prose += own.prose
        above.chars += own.chars
        above.linked += own.linked
        above.add(element.tail, is_linked=linking > 0)
    return counts


def _densest(
    top: etree._Element, counts: dict[etree._Element, _TextCount]
) -> etree._Element | None:
    """Descend as long as one child has nearly all of the running text."""
    element = top
    total = counts[top].prose
    if total <= 0:
        return None
    while True:
        children = [child for child in element if isinstance(child.tag, str) and child in counts]
        largest = max(children, key=lambda child: counts[child].prose, default=None)
        if largest is None or counts[largest].prose < total * 0.8:
            break
        if local_name(largest) in {"p", "pre", "li", "td", "tr", "table", "ul", "ol", "dl"}:
            break
        element = largest
    return None if local_name(element) in _SPARE_TAGS or element is top else element


def _is_named_main(element: etree._Element) -> bool:
    name = local_name(element)
    if name in {"article", "main"}:
        return True
    return (
        attribute(element, "role") in _MAIN_ROLES
        or attribute(element, "itemprop").lower() == "articlebody"
    )


def _is_surrounding(element: etree._Element) -> bool:
    name = local_name(element)
    if name in _ASIDE_TAGS:
        return True
    if name in {"html", "body", "article", "main", "p", "a", "span", "em", "strong", "i", "b"}:
        return False
    if attribute(element, "role") in _ASIDE_ROLES:
        return True
    names = f"{attribute(element, 'class')} {attribute(element, 'id')}"
    return _SURROUNDINGS.search(names) is not None and _CONTENT.search(names) is None


def _title_in(element: etree._Element) -> etree._Element | None:
    """Return the page's heading, which may be above the article."""
    names = (each for each in element.iter() if isinstance(each.tag, str))
    return next((each for each in names if local_name(each) == "h1"), None)


def _isolate(title: etree._Element, top: etree._Element) -> None:
    """Turn everything next to the title in an element into navigation."""
    keep = title
    while keep is not top and (parent := keep.getparent()) is not None:
        for sibling in parent:
            is_seen = isinstance(sibling.tag, str) and local_name(sibling) not in _UNSEEN
            if sibling is not keep and is_seen:
                sibling.tag = "nav"
        keep = parent
