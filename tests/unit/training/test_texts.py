import random
from pathlib import Path

from training.made_up import make_line
from training.texts import LINE_LIMIT, choose_lines, join_sentences, read_books

BOOK = """Licence words.
*** START OF THIS PROJECT ***

CHAPTER ONE

The house stood by the sea, and nobody
lived in it. "Who is there?" asked Anna.

Shown as _drawn_ by hand; it was old.

*** END OF THIS PROJECT ***
More licence words.
"""
WORDNET = '00001 29 v 01 go 0 000 | to move; "they went home"; "did it go well?"  \n'


def write_sources(folder: Path) -> Path:
    (folder / "book.txt").write_text(BOOK, encoding="utf-8")
    (folder / "data.verb").write_text(WORDNET, encoding="ascii")
    return folder


def test_a_book_is_read_without_licence_headings_and_marks_of_emphasis(tmp_path: Path) -> None:
    paragraphs = read_books(write_sources(tmp_path))

    assert paragraphs[0][0] == "The house stood by the sea, and nobody lived in it."
    assert paragraphs[1] == ["Shown as drawn by hand; it was old."]
    assert "icence" not in str(paragraphs)


def test_the_same_seed_chooses_the_same_lines(tmp_path: Path) -> None:
    sources = write_sources(tmp_path)

    first, second = (choose_lines(sources, 4_000, seed=7) for _ in range(2))

    assert first == second
    assert first != choose_lines(sources, 4_000, seed=8)
    assert any("They went home." in line for line in first)


def test_no_joined_line_is_over_the_limit() -> None:
    sentences = ["A sentence of some length goes here." for _ in range(200)]

    lines = list(join_sentences(sentences, random.Random(3)))

    assert len(lines) > 1
    assert max(map(len, lines)) <= LINE_LIMIT


def test_made_up_lines_end_as_sentences_do() -> None:
    rng = random.Random(1)

    lines = [make_line(rng) for _ in range(200)]

    assert all(line[-1] in ".?!" for line in lines)
    assert len(set(lines)) > 150
