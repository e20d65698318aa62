"""The markdown parser: CommonMark with those extensions that a listener would notice."""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore

from narration.documents.markdown_marks import forget_footnotes
from narration.documents.markdown_math import find_formula
from narration.documents.markdown_tables import table_block

_NOTE = re.compile(r"\[\^[^\]\s]+\]:")
_DEFINITION = re.compile(r"\[[^\]]+\]:")
_SET_IN = 2  # columns of indentation of a note's further paragraphs, at least


def make_parser() -> MarkdownIt:
    """Create a parser with tables, notes, formulas and task lists."""
    parser = MarkdownIt("commonmark").enable("strikethrough").disable("text_join")
    parser.block.ruler.before("paragraph", "table", table_block, {"alt": ["paragraph"]})
    parser.block.ruler.before("code", "note", _note_block)
    parser.inline.ruler.before("escape", "math", find_formula)
    parser.core.ruler.after("block", "footnotes", forget_footnotes)
    parser.core.ruler.after("block", "items", _mark_items)
    return parser


def _note_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:  # noqa: FBT001 - the signature of markdown-it
    """Treat a note as a separate paragraph: a definition in the next line does not continue it."""
    if state.is_code_block(start_line) or not _NOTE.match(_line(state, start_line)):
        return False
    if silent:
        return True
    last = line = start_line
    while line + 1 < end_line:
        line += 1
        if not _line(state, line):
            continue
        is_next = last == line - 1 and not _DEFINITION.match(_line(state, line))
        if not is_next and state.sCount[line] - state.blkIndent < _SET_IN:
            break
        last = line
    state.line = last + 1
    state.push("paragraph_open", "p", 1).map = [start_line, state.line]
    token = state.push("inline", "", 0)
    token.content = state.getLines(start_line, state.line, state.blkIndent, False).strip()
    token.map = [start_line, state.line]
    token.children = []
    state.push("paragraph_close", "p", -1)
    return True


def _line(state: StateBlock, number: int) -> str:
    begin = state.bMarks[number] + state.tShift[number]
    return state.src[begin : state.eMarks[number]].strip()


def _mark_items(state: StateCore) -> None:
    """Mark the first paragraph of each item."""
    for token, above in zip(state.tokens[2:], state.tokens, strict=False):
        if token.type == "inline" and above.type == "list_item_open":
            token.meta["is_item"] = True
