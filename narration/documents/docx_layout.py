"""Structure of a Word document that mammoth, the converter to HTML, does not recognize.

Tables of contents made of fields, headings by outline level or by font size, and drop caps.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lxml import etree

from narration.documents.docx_hidden import child_of, parse_part, set_style, value_of
from narration.documents.docx_math import write_formulas

CONTENTS_STYLE = "RhapsodeContents"  # no real style has these names
HEADING_STYLE = "RhapsodeHeading"  # followed by the level, from 1 on
_DEEPEST = 6
_BODY_TEXT = 10  # the level of body text
_BIG = 1.25  # times the usual size, from which on a separate line is a heading
_LONGEST_HEADING = 120
_LEAST_PARAGRAPHS = 4
_MOST_HEADINGS = 0.3  # share of the paragraphs
_LISTS = ("TOC", "INDEX", "TOA")  # fields that list places in the document
_USUAL = 20.0  # half points, if no size is given


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutStyles:
    """Properties of styles: outline levels from 1 on, sizes in half points, which are titles."""

    levels: dict[str, float]
    sizes: dict[str, float]
    titles: frozenset[str]
    usual: float


def read_layout_styles(styles: bytes) -> LayoutStyles:
    """Read the properties of styles, including those inherited from their base styles."""
    levels: dict[str, float] = {}
    sizes: dict[str, float] = {}
    parents: dict[str, str] = {}
    titles: set[str] = set()
    root = parse_part(styles)
    for style in [] if root is None else [each for each in root if _name(each) == "style"]:
        key = value_of(style, "styleId")
        name = value_of(child_of(style, "name"), "val").lower()
        parents[key] = value_of(child_of(style, "basedOn"), "val")
        if name in {"title", "subtitle"}:
            titles.add(key)
        if name.startswith("heading ") and name[8:].isdigit():
            levels[key] = float(name[8:])
        elif (level := _level(child_of(style, "pPr"))) is not None:
            levels[key] = level
        if (size := _size(child_of(style, "rPr"))) is not None:
            sizes[key] = size
    defaults = child_of(child_of(child_of(root, "docDefaults"), "rPrDefault"), "rPr")
    return LayoutStyles(
        levels=_inherited(levels, parents),
        sizes=_inherited(sizes, parents),
        titles=frozenset(titles),
        usual=_size(defaults) or _USUAL,
    )


def mark_layout(part: bytes, styles: LayoutStyles) -> bytes:
    """Set special styles on contents and headings for the converter, and write formulas as text.

    A part that cannot be parsed is returned unchanged.
    """
    root = parse_part(part)
    if root is None:
        return part
    paragraph = str(root.tag).rpartition("}")[0] + "}p"
    paragraphs = list(root.iter(paragraph))
    contents = {*_in_galleries(root, paragraph), *_in_fields(root, paragraph)}
    for each in contents:
        set_style(each, "p", CONTENTS_STYLE)
    rest = [each for each in paragraphs if each not in contents]
    levels = {each: level for each in rest if (level := _outline_level(each, styles))}
    for each, level in (levels or dict.fromkeys(_big_lines(rest, styles), 1)).items():
        set_style(each, "p", f"{HEADING_STYLE}{min(level, _DEEPEST)}")
    write_formulas(root)
    for each in rest:
        _join_initial(each)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)


def _in_galleries(root: etree._Element, paragraph: str) -> Iterator[etree._Element]:
    """Return the paragraphs of tables of contents that are building blocks."""
    for element in root.iter():
        if _name(element) == "docPartGallery" and "contents" in value_of(element, "val").lower():
            block = next((e for e in element.iterancestors() if _name(e) == "sdt"), None)
            yield from block.iter(paragraph) if block is not None else ()


def _in_fields(root: etree._Element, paragraph: str) -> Iterator[etree._Element]:
    """Return the paragraphs of fields that list places; an unterminated field is ignored."""
    open_fields: list[tuple[list[str], list[etree._Element]]] = []
    for element in root.iter():
        name = _name(element)
        if name == "fldChar":
            kind = value_of(element, "fldCharType")
            if kind == "begin":
                parent = next(element.iterancestors(paragraph), None)
                open_fields.append(([], [] if parent is None else [parent]))
            elif kind == "end" and open_fields:
                words, listed = open_fields.pop()
                if "".join(words).strip().upper().startswith(_LISTS):
                    yield from listed
        elif name == "instrText" and open_fields:
            open_fields[-1][0].append(element.text or "")
        elif element.tag == paragraph:
            for _, listed in open_fields[:1]:  # text in a field belongs to the outermost one
                listed.append(element)


def _outline_level(paragraph: etree._Element, styles: LayoutStyles) -> int:
    """Return the level of a heading, from 1 on; 0 if it is not a heading."""
    own = _level(child_of(paragraph, "pPr"))
    level = styles.levels.get(_style_of(paragraph), 0.0) if own is None else own
    return int(level) if level < _BODY_TEXT else 0


def _big_lines(paragraphs: Sequence[etree._Element], styles: LayoutStyles) -> list[etree._Element]:
    """Return the lines in larger type than the text, if nothing is marked as a heading."""
    texts = [(each, "".join(each.itertext()).strip()) for each in paragraphs]
    sized = [(each, text, _least_size(each, styles)) for each, text in texts if text]
    counts = Counter[float]()
    for _, text, size in sized:
        counts[size] += len(text)
    if len(sized) < _LEAST_PARAGRAPHS:
        return []
    body = counts.most_common(1)[0][0]
    big = [
        each
        for each, text, size in sized
        if size >= _BIG * body
        and len(text) <= _LONGEST_HEADING
        and _style_of(each) not in styles.titles
    ]
    return big if len(big) <= _MOST_HEADINGS * len(sized) else []


def _least_size(paragraph: etree._Element, styles: LayoutStyles) -> float:
    usual = styles.sizes.get(_style_of(paragraph), styles.usual)
    runs = [each for each in paragraph if _name(each) == "r" and "".join(each.itertext()).strip()]
    return min((_size(child_of(run, "rPr")) or usual for run in runs), default=usual)


def _join_initial(paragraph: etree._Element) -> None:
    """Put a drop cap in its own frame before the text that it belongs to."""
    frame = child_of(child_of(paragraph, "pPr"), "framePr")
    following = paragraph.getnext()
    if value_of(frame, "dropCap") not in {"drop", "margin"} or following is None:
        return
    if following.tag != paragraph.tag:
        return
    place = 0 if child_of(following, "pPr") is None else 1
    for run in reversed([each for each in paragraph if _name(each) != "pPr"]):
        following.insert(place, run)
    parent = paragraph.getparent()
    assert parent is not None, "it has a sibling"
    parent.remove(paragraph)


def _style_of(paragraph: etree._Element) -> str:
    return value_of(child_of(child_of(paragraph, "pPr"), "pStyle"), "val")


def _level(properties: etree._Element | None) -> float | None:
    level = value_of(child_of(properties, "outlineLvl"), "val")
    return float(level) + 1 if len(level) == 1 and level in "0123456789" else None


def _size(properties: etree._Element | None) -> float | None:
    try:
        return float(value_of(child_of(properties, "sz"), "val"))
    except ValueError:
        return None


def _inherited(own: dict[str, float], parents: dict[str, str]) -> dict[str, float]:
    """Resolve a property for each style from itself or the nearest style it is based on."""
    resolved: dict[str, float] = {}
    for key in parents:
        at, steps = key, 10
        while at not in own and steps and at in parents:
            at, steps = parents[at], steps - 1
        if at in own:
            resolved[key] = own[at]
    return resolved


def _name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2] if isinstance(element.tag, str) else ""
