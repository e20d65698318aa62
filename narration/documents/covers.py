"""An e-book's cover picture: the one its package names, or the one on its cover page."""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lxml import etree

from narration.documents.archive import Archive, resolve
from narration.documents.tree import attribute, local_name, parse_page
from narration.documents.types import Cover
from narration.errors import DocumentError

_COVER_NAMES = frozenset({"cover", "cover-image", "coverimage", "cover_image", "coverimg"})
_PICTURES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A file of the book."""

    name: str
    media_type: str
    properties: frozenset[str]


def find_cover(
    archive: Archive,
    elements: Sequence[etree._Element],
    items: dict[str, Item],
    guide: Sequence[tuple[str, str]],
) -> Cover | None:
    """Return the first existing picture among those that the package may mean.

    `guide` lists special pages by type, with paths relative to the package.
    """
    for name, media_type in _candidates(archive, elements, items, guide):
        if media_type.startswith("image/") and media_type != "image/svg+xml":
            data = archive.picture(name)
            if data:
                return Cover(data=data, media_type=media_type)
    return None


def _candidates(
    archive: Archive,
    elements: Sequence[etree._Element],
    items: dict[str, Item],
    guide: Sequence[tuple[str, str]],
) -> Iterator[tuple[str, str]]:
    """Yield names of pictures, the most likely first."""
    metas = (e for e in elements if local_name(e) == "meta" and e.get("name") == "cover")
    cover_id = next((e.get("content", "") for e in metas), "")
    meant = [item for item in items.values() if "cover-image" in item.properties]
    meant += [items[cover_id]] if cover_id in items else []
    meant += [item for item in items.values() if item.name.endswith(cover_id) and cover_id]
    yield from ((item.name, item.media_type) for item in meant)
    pages = [item.name for item in meant if not item.media_type.startswith("image/")]
    pages += [name for kind, name in guide if kind in {"cover", "other.ms-coverimage-standard"}]
    for page in pages:
        yield from _pictures_on(archive, page, items)
    for identifier, item in items.items():
        stem = posixpath.splitext(posixpath.basename(item.name))[0]
        if {identifier.lower(), stem.lower()} & _COVER_NAMES:
            yield item.name, item.media_type


def _pictures_on(archive: Archive, page: str, items: dict[str, Item]) -> Iterator[tuple[str, str]]:
    """Yield the first picture on a page, or the page itself if it is a picture."""
    types = {item.name: item.media_type for item in items.values()}
    ending = posixpath.splitext(page)[1].lower()
    if ending in _PICTURES:
        yield page, types.get(page, _PICTURES[ending])
        return
    try:
        root = parse_page(archive.text(page), what=page)
    except DocumentError:  # the book can be read without its cover
        return
    for element in root.iter():
        if isinstance(element.tag, str) and local_name(element) in {"img", "image"}:
            name = resolve(
                posixpath.dirname(page), attribute(element, "src") or attribute(element, "href")
            )
            yield name, types.get(name, _PICTURES.get(posixpath.splitext(name)[1].lower(), ""))
            return
