"""Characters without a spoken form: ornaments, marks of emphasis, note references.

The normalizer drops exactly these, and the plan lists them as skipped, so that nothing a reader
sees disappears without a trace.
"""

import re
import unicodedata
from collections.abc import Iterator

from narration.documents.marks import takes_power
from narration.text.currencies import SIGNS
from narration.text.signs import SPOKEN_SIGNS

_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
# Signs attached to a word that nobody reads aloud.
_NEVER = frozenset("™®℠†‡※⁂¿¡")
_SYMBOLS = frozenset({"So", "Sk", "Sm", "Sc", "Cn", "Co"})
_ODD = re.compile(r"[^\x00-\x7f]+")
# A superscript figure after a word, a full stop or a year is a note reference unless it is a power;
# before a paragraph it marks the note itself.
_RAISED = re.compile(
    rf"(?:(?<=[^\W\d_]|[.,;:!?'\"”’)])|(?<=1[5-9]\d\d)|(?<=20\d\d)|\A(?=[{_SUPERSCRIPTS}]+\s+[A-Z]))"
    rf"[{_SUPERSCRIPTS}]+"
)
_SUM = re.compile(r"\([^()]*[+−×*/=^][^()]*\)\Z")  # in brackets
_REACH = 24  # characters before a superscript figure that may be its base
_TAG = re.compile(r"<(/?)([A-Za-z][^<>\n/]{0,60})(/?)>")
_CLOSING_TAG = re.compile(r"</([A-Za-z][^\s<>/]{0,60})>")
_MARKS = re.compile(r"([*_^~\\<>])\1*")
_OPERAND_BEFORE = re.compile(r"(?:\d|\)|(?:\A|[^\w])[A-Za-z]) ?\Z")
_OPERAND_AFTER = re.compile(r" ?(?:[-+]?[\d(√$]|[A-Za-z](?![A-Za-z]))")
_FIGURE_AFTER = re.compile(r" ?[$£€]?\d")
_BOUND = re.compile(r"[$£€]?\.?\d|= ?\d")  # "<5 cases", ">= 3"
_BEFORE_BOUND = frozenset({"", " ", "(", "/", "-", "'", '"'})
_EXPONENT = re.compile(r"\(?[-+]?\d|[a-z](?![a-z])")
_HAS_MARK = re.compile(r"[*_^~\\<>]")
_HAS_SUPERSCRIPT = re.compile(f"[{_SUPERSCRIPTS}]")


def find_unspoken(text: str) -> list[tuple[int, int]]:
    """Return the pieces of a text without a spoken form, in order."""
    pieces: list[tuple[int, int]] = []
    if not text.isascii():
        pieces += _symbols(text)
        if _HAS_SUPERSCRIPT.search(text):
            pieces += _note_marks(text)
    if _HAS_MARK.search(text):
        pieces += _marks(text)
    return sorted(pieces)


def drop_unspoken(text: str) -> str:
    """Remove everything without a spoken form."""
    pieces, position = [], 0
    for start, end in find_unspoken(text):
        pieces.append(text[position:start])
        position = max(position, end)
    pieces.append(text[position:])
    return "".join(pieces)


def _note_marks(text: str) -> Iterator[tuple[int, int]]:
    for match in _RAISED.finditer(text):
        before = text[max(0, match.start() - _REACH) : match.start()]
        is_power = _SUM.search(before) if before[-1:] == ")" else takes_power(before)
        if match[0] == "¹" or not is_power:
            yield match.span()


def _marks(text: str) -> Iterator[tuple[int, int]]:
    closed = set(_CLOSING_TAG.findall(text))
    brackets: set[int] = set()
    tags: list[tuple[int, int]] = []
    for tag in _TAG.finditer(text):
        if tag[1] or tag[3] or "=" in tag[2] or tag[2].split(None, 1)[0] in closed:
            tags.append(tag.span())  # leftover markup
        else:
            brackets |= {tag.start(), tag.end() - 1}  # a word in brackets is read
    yield from tags
    for match in _MARKS.finditer(text):
        start, end = match.span()
        while tags and tags[0][1] <= start:
            tags.pop(0)
        if tags and tags[0][0] <= start:
            continue
        if start in brackets or not _is_sign(
            match[0], text[max(0, start - 3) : start], text[end : end + 8]
        ):
            yield start, end


def _is_sign(mark: str, before: str, after: str) -> bool:
    """Distinguish a sign that is read from emphasis, note references and the like."""
    is_inside = before[-1:].isalnum() and after[:1].isalnum()
    if mark == "_":
        return is_inside  # it separates two words, as a space does
    if mark == "~":
        return is_inside or _FIGURE_AFTER.match(after) is not None
    if mark == "\\":
        return is_inside or before[-1:] == ":"
    if mark == "^":
        return (before[-1:].isalnum() or before[-1:] == ")") and bool(_EXPONENT.match(after))
    if mark in "<>" and _BOUND.match(after) and before[-1:] in _BEFORE_BOUND:
        return True
    is_spaced = mark in "<>" and before[-1:] == " " and before[-2:-1].isalnum() and after[:1] == " "
    is_between = _OPERAND_BEFORE.search(before) and _OPERAND_AFTER.match(after)
    return len(mark) == 1 and bool(is_spaced or is_between)


def _symbols(text: str) -> Iterator[tuple[int, int]]:
    for run in _ODD.finditer(text):
        for offset, character in enumerate(run[0], run.start()):
            if _is_silent(character):
                yield offset, offset + 1


def _is_silent(character: str) -> bool:
    if character in _NEVER:
        return True
    if unicodedata.category(character) not in _SYMBOLS:
        return False
    if character in SPOKEN_SIGNS or character in SIGNS:
        return False
    return unicodedata.normalize("NFKC", character) == character
