"""Public suites of sayings, read from checkouts of their repositories: what is written, and what
their authors accept.

Five layouts are known: NeMo's tables (`written~spoken`, and a list of readings after `~written`),
WeTextProcessing's (`written => spoken`), Python tests that compare a call with a string, and the
LJ Speech table of read prose (`id|written|as read`). A folder may hold any of them.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Want(StrEnum):
    """What a suite expects of a saying: to be a reading, or to have or lack some words."""

    EQUAL = "equal"
    CONTAINS = "contains"
    LACKS = "lacks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One expectation of a suite."""

    suite: str
    kind: str  # the class of sayings: money, date, ...
    written: str
    readings: tuple[str, ...]
    want: Want = Want.EQUAL


_NEMO = re.compile(r"test_cases_(\w+)\.txt$")
_PYTHON = re.compile(r"^test_(?:text_|date_)?normaliz|^text_test")
_KINDS = {
    "punctuation_match_input": "punctuation", "special_text": "punctuation",
    "normalize_with_audio": "several readings", "normalizer": "sentences", "word": "words",
    "whitelist": "abbreviations",
}  # fmt: skip
# Words in the names of Python tests -> the class that they are about.
_PYTHON_KINDS = {
    "url": "electronic", "money": "money", "currency": "money", "time": "time", "year": "date",
    "date": "date", "decade": "date", "2000s": "date", "address": "address", "roman": "roman",
    "abbreviation": "abbreviations", "number": "cardinal", "range": "range", "fraction": "fraction",
    "caps": "capitals", "decimal": "decimal", "contraction": "words", "symbol": "punctuation",
}  # fmt: skip
_CALLS = frozenset(
    {"normalize_text", "_normalize_text", "normalize", "expand_numbers", "expand_abbreviations",
     "english_cleaners"}
)  # fmt: skip
_SETTINGS = frozenset({"normalization_overrides"})  # cases about another product's switches
_PROSE_COLUMNS = 3


def read_suites(folder: Path) -> Iterator[Case]:
    """Read every suite below a folder; other files are skipped."""
    for path in sorted(folder.rglob("*")):
        parts = set(path.parts)
        if not path.is_file() or "inverse_text_normalization" in path.as_posix():
            continue
        if _NEMO.search(path.name) and path.parent.name == "data_text_normalization":
            if path.parent.parent.name == "en":
                yield from _nemo(path)
        elif path.suffix == ".txt" and {"tn", "english", "data"} <= parts:
            yield from _wetext(path)
        elif path.name == "metadata.csv":
            yield from _prose(path)
        elif path.suffix == ".py" and _PYTHON.search(path.name):
            yield from _python(path)


def _nemo(path: Path) -> Iterator[Case]:
    name = _NEMO.search(path.name)
    assert name is not None, "the caller has matched it"
    kind = _KINDS.get(name[1], name[1])
    lines = path.read_text(encoding="utf-8").splitlines()
    if kind == "several readings":
        yield from _several("NeMo", kind, lines)
        return
    for line in lines:
        written, tilde, spoken = line.partition("~")
        if tilde and written.strip():
            yield Case(suite="NeMo", kind=kind, written=written, readings=(spoken,))


def _several(suite: str, kind: str, lines: list[str]) -> Iterator[Case]:
    written, readings = "", []
    for line in [*lines, "~"]:
        if line.startswith("~"):
            if written.strip("~ ") and readings:
                yield Case(
                    suite=suite, kind=kind, written=written.lstrip("~"), readings=tuple(readings)
                )
            written, readings = line, []
        elif line.strip():
            readings.append(line)


def _wetext(path: Path) -> Iterator[Case]:
    kind = _KINDS.get(path.stem, path.stem)
    for line in path.read_text(encoding="utf-8").splitlines():
        written, arrow, spoken = line.partition(" => ")
        if arrow and written.strip():
            yield Case(suite="WeTextProcessing", kind=kind, written=written, readings=(spoken,))


def _prose(path: Path) -> Iterator[Case]:
    for line in path.read_text(encoding="utf-8").splitlines():
        columns = line.split("|")
        if len(columns) == _PROSE_COLUMNS and columns[1] != columns[2]:
            yield Case(suite="LJ Speech", kind="prose", written=columns[1], readings=(columns[2],))


def _python(path: Path) -> Iterator[Case]:
    """Read asserts that compare a normalizer's answer with a string."""
    suite = {"kokoro": "Kokoro-FastAPI", "abogen": "abogen", "tacotron": "tacotron"}
    name = next((said for part, said in suite.items() if part in path.as_posix()), path.parts[0])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            kind = next((k for word, k in _PYTHON_KINDS.items() if word in node.name), "text")
            yield from _function(name, kind, node)


def _function(suite: str, kind: str, function: ast.FunctionDef) -> Iterator[Case]:
    answers: dict[str, str] = {}
    strings: dict[str, str] = {}
    nodes = [n for n in ast.walk(function) if isinstance(n, ast.Assign | ast.Assert)]
    for node in sorted(nodes, key=lambda n: n.lineno):
        if isinstance(node, ast.Assert):
            yield from _compared(suite, kind, node.test, strings, answers)
            continue
        if isinstance(node.value, ast.List):
            yield from _pairs(suite, kind, node.value)
        target = getattr(node.targets[0], "id", "")
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            strings[target] = node.value.value
        written = _argument(node.value, strings, answers)
        if written is not None:
            answers[target] = written


def _pairs(suite: str, kind: str, table: ast.List) -> Iterator[Case]:
    for element in table.elts:
        if isinstance(element, ast.Tuple) and len(element.elts) == len(("written", "spoken")):
            written, spoken = (e.value for e in element.elts if isinstance(e, ast.Constant))
            yield Case(
                suite=suite, kind=kind, written=written, readings=(spoken,), want=Want.CONTAINS
            )


def _compared(
    suite: str, kind: str, test: ast.expr, strings: dict[str, str], answers: dict[str, str]
) -> Iterator[Case]:
    if not isinstance(test, ast.Compare):
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
            yield from _any_of(suite, kind, test, strings, answers)
        return
    sides = (test.left, test.comparators[0])
    written = next((w for w in (_argument(s, strings, answers) for s in sides) if w), None)
    said = next((s.value for s in sides if isinstance(s, ast.Constant)), None)
    wants = {ast.Eq: Want.EQUAL, ast.In: Want.CONTAINS, ast.NotIn: Want.LACKS}
    want = wants.get(type(test.ops[0]))
    if written and isinstance(said, str) and want:
        yield Case(suite=suite, kind=kind, written=written, readings=(said,), want=want)


def _any_of(
    suite: str, kind: str, test: ast.BoolOp, strings: dict[str, str], answers: dict[str, str]
) -> Iterator[Case]:
    cases = [c for v in test.values for c in _compared(suite, kind, v, strings, answers)]
    if cases and all(case.want is Want.CONTAINS for case in cases):
        yield Case(
            suite=suite,
            kind=kind,
            written=cases[0].written,
            readings=tuple(reading for case in cases for reading in case.readings),
            want=Want.CONTAINS,
        )


def _argument(node: ast.expr, strings: dict[str, str], answers: dict[str, str]) -> str | None:
    """Find the text that an expression normalizes: a call, a name of one, or a method on it."""
    if isinstance(node, ast.Name):
        return answers.get(node.id)
    if not isinstance(node, ast.Call):
        return None
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in _CALLS and node.args and not any(k.arg in _SETTINGS for k in node.keywords):
        first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            return first.value
        return strings.get(first.id) if isinstance(first, ast.Name) else None
    if isinstance(node.func, ast.Attribute):  # normalized.lower().replace("-", " ")
        return _argument(node.func.value, strings, answers)
    return None
