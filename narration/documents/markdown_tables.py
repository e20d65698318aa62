"""Markdown tables: detected as blocks of lines, read row by row.

markdown-it's own rule creates a dozen objects per row, which takes minutes for a long table.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from markdown_it.rules_block import StateBlock

_DELIMITERS = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_OTHER_BLOCK = re.compile(r"#{1,6}[ \t]|>|```|~~~|(?:[-*+]|\d{1,9}[.)])[ \t]")
_CELL = re.compile(r"(?:[^|\\]|\\.)+|\\$")


class Cell(NamedTuple):
    """source[start:end] without the space around it."""

    start: int
    end: int


def table_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:  # noqa: FBT001 - the signature of markdown-it
    """Turn a table into one token that knows its lines."""
    if start_line + 2 > end_line or state.sCount[start_line + 1] < state.blkIndent:
        return False
    if state.is_code_block(start_line) or state.is_code_block(start_line + 1):
        return False
    header, delimiters = _line(state, start_line), _line(state, start_line + 1)
    if "|" not in header or not _DELIMITERS.fullmatch(delimiters):
        return False
    if len(list(cells(header, 0))) != len(list(cells(delimiters, 0))):
        return False
    if silent:
        return True
    line = start_line + 2
    while line < end_line and state.sCount[line] >= state.blkIndent and _is_row(state, line):
        line += 1
    token = state.push("table", "", 0)
    token.map = [start_line, line]
    state.line = line
    return True


def cells(row: str, offset: int) -> Iterator[Cell]:
    """Return the cells of a row at an offset; a pipe after a backslash is no separator."""
    for match in _CELL.finditer(row):
        text = match[0]
        start = match.start() + len(text) - len(text.lstrip())
        end = match.end() - (len(text) - len(text.rstrip()))
        if start < end:
            yield Cell(offset + start, offset + end)


def _line(state: StateBlock, number: int) -> str:
    begin = state.bMarks[number] + state.tShift[number]
    return state.src[begin : state.eMarks[number]].strip()


def _is_row(state: StateBlock, number: int) -> bool:
    text = _line(state, number)
    return bool(text) and not _OTHER_BLOCK.match(text) and not state.is_code_block(number)
