"""Metadata in the head of a page."""

import re

from lxml import etree

from narration.documents.tree import attribute, local_name
from narration.documents.types import Metadata

_SITE = re.compile(r"\s+[|–—·»-]\s+[^|–—·»]{2,60}$")  # "The Hill - A Newspaper"
_AUTHOR = (
    "author",
    "article:author",
    "dc.creator",
    "dcterms.creator",
    "citation_author",
    "parsely-author",
)
_TITLE = ("og:title", "dc.title", "dcterms.title", "citation_title", "twitter:title")
_DATE = ("article:published_time", "dc.date", "dcterms.date", "citation_publication_date", "date")
_TEXT = ("description", "og:description", "dc.description")
_PUBLISHER = ("og:site_name", "dc.publisher", "publisher")
_LANGUAGE = ("dc.language", "content-language", "og:locale")


def read_facts(root: etree._Element) -> Metadata:
    """Return title, author, language, date, description and site of a page."""
    metas: dict[str, list[str]] = {}
    title = heading = ""
    for element in root.iter():
        name = local_name(element) if isinstance(element.tag, str) else ""
        if name == "meta":
            key = attribute(element, "name") or attribute(element, "property")
            key = key or attribute(element, "http-equiv")
            value = " ".join(attribute(element, "content").split())
            if key and value:
                metas.setdefault(key.lower(), []).append(value)
        elif name == "title" and not title:
            title = " ".join("".join(map(str, element.itertext())).split())
        elif name == "h1" and not heading:
            heading = " ".join("".join(map(str, element.itertext())).split())[:200]
    meta_title = _first(metas, _TITLE)
    return Metadata(
        title=meta_title or _page_title(title, heading) or None,
        authors=tuple(
            dict.fromkeys(
                value
                for key in _AUTHOR
                for value in metas.get(key, [])
                if not value.startswith(("http:", "https:"))
            )
        )[:10],
        language=_language(root) or _first(metas, _LANGUAGE),
        date=_first(metas, _DATE),
        publisher=_first(metas, _PUBLISHER),
        description=_first(metas, _TEXT),
    )


def _page_title(title: str, heading: str) -> str:
    """Remove the name of the site from a title if the page's heading does not have it."""
    short = _SITE.sub("", title)
    return short if heading and short != title and heading.startswith(short[:20]) else title


def _language(root: etree._Element) -> str | None:
    return attribute(root, "lang") or None


def _first(metas: dict[str, list[str]], keys: tuple[str, ...]) -> str | None:
    return next((metas[key][0] for key in keys if key in metas), None)
