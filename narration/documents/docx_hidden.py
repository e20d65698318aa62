"""Hidden text of a Word document: runs that are hidden directly or by their style."""

import re
from collections.abc import Iterator

from lxml import etree

from narration.documents.tree import local_name

HIDDEN_STYLE = "RhapsodeHidden"  # set on runs by mark_hidden; no real style has this name
_MENTION = re.compile(rb"<(?:\w+:)?vanish\b")
_OFF = frozenset({"0", "false", "off"})
_PARSER = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True)


def hidden_styles(styles: bytes) -> frozenset[str]:
    """Return the styles that hide their text, directly or through the style they are based on.

    Empty if the part cannot be parsed.
    """
    root = parse_part(styles)
    if root is None:
        return frozenset()
    hidden: dict[str, bool | None] = {}
    parents: dict[str, str] = {}
    for style in root:
        if local_name(style) == "style":
            identifier = value_of(style, "styleId")
            hidden[identifier] = _vanishes(child_of(style, "rPr"))
            parents[identifier] = value_of(child_of(style, "basedOn"), "val")
    return frozenset(each for each in hidden if _inherits(each, hidden, parents))


def mark_hidden(part: bytes, styles: frozenset[str]) -> bytes:
    """Set HIDDEN_STYLE on all hidden runs; a part without any is returned unchanged."""
    if not styles and not _MENTION.search(part):
        return part
    root = parse_part(part)
    if root is None:
        return part
    for run in list(_hidden_runs(root, styles)):
        set_style(run, "r", HIDDEN_STYLE)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)


def set_style(element: etree._Element, kind: str, style: str) -> None:
    """Replace the style of a paragraph ("p") or a run ("r")."""
    namespace = str(element.tag).rpartition("}")[0] + "}"
    properties = child_of(element, f"{kind}Pr")
    if properties is None:
        properties = etree.Element(f"{namespace}{kind}Pr")
        element.insert(0, properties)
    reference = child_of(properties, f"{kind}Style")
    if reference is None:
        reference = etree.Element(f"{namespace}{kind}Style")
        properties.insert(0, reference)
    reference.set(f"{namespace}val", style)


def parse_part(part: bytes) -> etree._Element | None:
    """Parse a part of a document; None if it is damaged."""
    try:
        return etree.fromstring(part, _PARSER)
    except etree.XMLSyntaxError:
        return None


def _hidden_runs(root: etree._Element, styles: frozenset[str]) -> Iterator[etree._Element]:
    by_style = False  # whether the paragraph's style hides its runs
    for element in root.iter():
        name = local_name(element) if isinstance(element.tag, str) else ""
        if name == "p":
            by_style = value_of(child_of(child_of(element, "pPr"), "pStyle"), "val") in styles
        elif name == "r":
            properties = child_of(element, "rPr")
            is_hidden = _vanishes(properties)
            if is_hidden is None:
                is_hidden = by_style or value_of(child_of(properties, "rStyle"), "val") in styles
            if is_hidden:
                yield element


def _inherits(
    identifier: str, hidden: dict[str, bool | None], parents: dict[str, str], depth: int = 10
) -> bool:
    own = hidden.get(identifier)
    if own is not None or not depth or identifier not in parents:
        return bool(own)
    return _inherits(parents[identifier], hidden, parents, depth - 1)


def _vanishes(properties: etree._Element | None) -> bool | None:
    """Return whether properties hide their text; None if they do not specify it."""
    element = child_of(properties, "vanish")
    return None if element is None else value_of(element, "val").lower() not in _OFF


def child_of(element: etree._Element | None, name: str) -> etree._Element | None:
    """Return the first child with a name, in any namespace."""
    if element is None:
        return None
    children = (each for each in element if isinstance(each.tag, str))
    return next((each for each in children if str(each.tag).rpartition("}")[2] == name), None)


def value_of(element: etree._Element | None, name: str) -> str:
    """Return an attribute, in any namespace; empty if there is none."""
    if element is None:
        return ""
    values = (value for key, value in element.items() if str(key).rpartition("}")[2] == name)
    return str(next(values, ""))
