"""Formulas of a Word document -> runs of text, on one line as one would type them.

Source: ECMA-376, part 1, 22.1 (Office Math Markup Language).
"""

from collections.abc import Iterator

from lxml import etree

_MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"
_SCRIPTS = {"sup": "superscript", "sub": "subscript"}
_BEFORE = {"rad": "√", "d": "("}
_BETWEEN = {"num": "/"}  # text written after the element
_AFTER = {"d": ")"}
_NOT_READ = frozenset({"deg"})  # of a root: 2 if it is not shown


def write_formulas(root: etree._Element) -> None:
    """Replace each formula by runs of text in the same place."""
    namespace = str(root.tag).rpartition("}")[0] + "}"
    for formula in list(root.iter(f"{{{_MATH}}}oMath")):
        place = formula
        while (parent := place.getparent()) is not None and parent.tag != f"{namespace}p":
            place = parent
        if parent is None:
            continue
        for text, script in _pieces(formula):
            place.addprevious(_run(namespace, text, script))
        holder = formula.getparent()
        if holder is not None:
            holder.remove(formula)


def _pieces(formula: etree._Element) -> Iterator[tuple[str, str]]:
    """Yield the text of a formula in order, and whether it is a superscript or subscript."""
    scripts: list[str] = []
    unread = 0
    for event, element in etree.iterwalk(formula, events=("start", "end")):
        name = str(element.tag).rpartition("}")[2] if isinstance(element.tag, str) else ""
        is_start = event == "start"
        unread += (name in _NOT_READ) * (1 if is_start else -1)
        script = scripts[-1] if scripts else ""
        if is_start and name in _SCRIPTS:
            scripts.append(_SCRIPTS[name])
        elif name in _SCRIPTS:
            scripts.pop()
        elif is_start and name == "t" and element.text and not unread:
            yield element.text, script
        sign = (_BEFORE if is_start else _AFTER | _BETWEEN).get(name)
        if sign:
            yield sign, script


def _run(namespace: str, text: str, script: str) -> etree._Element:
    run = etree.Element(f"{namespace}r")
    if script:
        properties = etree.SubElement(run, f"{namespace}rPr")
        etree.SubElement(properties, f"{namespace}vertAlign").set(f"{namespace}val", script)
    etree.SubElement(run, f"{namespace}t").text = text
    return run
