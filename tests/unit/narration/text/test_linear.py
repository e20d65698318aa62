"""Normalization takes linear time, as far as this can be measured on a busy machine."""

import time
from collections.abc import Callable

import pytest

from narration.documents.types import Block, BlockKind, Chapter, Document, Metadata, Run
from narration.text.chunk import plan_chunks
from narration.text.normalize import normalize, normalize_heading
from narration.text.sentences import split_sentences
from narration.text.unspoken import find_unspoken

_SMALL = 1000
_TIMES = 8
_MOST = 30  # linear is 8, quadratic 64
# What each table of rules matches, complete and cut off in the middle.
_UNITS = (
    "$5-$7 million, ", "£3 10s. 6d. ", "£1 ", "$", "5 March 1923 ", "Mar. 12th ", "3/9/18 ",
    "2018-",
    "1914-18 ", "1920s-40s ", "1900-", "3:30 p.m. ", "12:30:", "5 km ", "5 km/", "12° 5′ ",
    "5'10\" ",
    "2 1/2 ", "1/", "4 × 10^5 ", "1e5 ", "a<b ", "2^", "K7L8 ", "B-17s ", "401(k) ", "1.2.3.",
    "Henry VIII ", "part ii ", "XIV ", "415-555-0132 ", "+44 161 496 0018 ", "555-", "ISBN 978-",
    "31 Birch St. ", "Boston, MA 02108 ", "SW1A 2AA ", "http://a.org/b?c=d ", "x@y.org ", "a.b",
    "C:\\a\\", "Mr. Fox v. Dr. Hen ", "J. R. R. ", "U.S.", "e.g. ", "No. 5 ", "THE NASA MEN ",
    "Mr. B—— ", "d—n ", "18— ", "...", " — ", '" "', "(", "<b>x</b>", "<a", "*x* ", "x² ", "½ ",
    "Łódź ", "😀", "3-4-5-", "odds of 3:1 ", "Figure 4-7 ", "−", "٣ ",
)  # fmt: skip


def _seconds(work: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    work(text)
    return time.process_time() - began


def _ratio(work: Callable[[str], object], unit: str) -> float:
    small, large = (unit * (size // len(unit)) for size in (_SMALL, _SMALL * _TIMES))
    first = min(_seconds(work, small) for _ in range(3))  # other work on the machine only adds
    return min(_seconds(work, large) for _ in range(2)) / max(first, 1e-3)


def _plan(text: str) -> None:
    block = Block(kind=BlockKind.PARAGRAPH, runs=(Run(start=0, end=len(text)),))
    document = Document(
        source=text,
        media_type="text/plain",
        encoding="utf-8",
        metadata=Metadata(),
        chapters=(Chapter(title="", blocks=(block,)),),
        skips=(),
    )
    plan_chunks(document)


@pytest.mark.parametrize("unit", _UNITS)
@pytest.mark.parametrize("work", [normalize, normalize_heading])
def test_a_saying_that_never_ends_is_said_in_linear_time(
    work: Callable[[str], str], unit: str
) -> None:
    assert _ratio(work, unit) < _MOST


@pytest.mark.parametrize(
    "unit", ["Mr. ", "a, ", "$5 ", "1. ", "U.S. ", "word ", "5", "😀a", "x² <"]
)
@pytest.mark.parametrize("work", [split_sentences, find_unspoken, _plan])
def test_a_text_that_never_ends_is_planned_in_linear_time(
    work: Callable[[str], object], unit: str
) -> None:
    assert _ratio(work, unit) < _MOST
