import random
from pathlib import Path

from training.made_up import make_line
from training.misleading_words import rate_words
from training.seldom_words import find_words, make_headings, make_sentences
from training.texts import (
    LINE_LIMIT,
    choose_lines,
    join_sentences,
    read_books,
    read_definitions,
)

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


def test_no_sentence_ends_with_a_title(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("Then came Mr. Perks and St. John. Nobody else did.")

    assert read_books(tmp_path) == [["Then came Mr. Perks and St. John.", "Nobody else did."]]


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


def test_a_definition_is_read_with_its_word_and_names_are_left_out(tmp_path: Path) -> None:
    entries = (
        '00001 06 n 01 landing_net 0 000 | a bag-shaped net (on a handle); "a net"  ',
        "00002 18 n 01 Wilde 0 000 | an Irish writer of plays  ",
        "00003 05 n 01 finch 0 000 | the type genus of a family of birds  ",
    )
    numbered = "\n".join(f"000{entry}" for entry in entries)
    (tmp_path / "data.noun").write_text(numbered, encoding="ascii")

    [line] = read_definitions(tmp_path, random.Random(1))

    assert line.startswith("Landing net")
    assert line.lower().endswith(" a bag-shaped net.")


def write_nouns(folder: Path, *words: str) -> None:
    entries = [f"0000000{i} 18 n 01 {word} 0 000 | x" for i, word in enumerate(words)]
    entries.append("00000009 00 a 01 wicked 0 000 | x")
    (folder / "data.noun").write_text("\n".join(entries), encoding="ascii")


def test_sentences_are_made_of_words_that_the_sources_have_but_seldom(tmp_path: Path) -> None:
    write_nouns(tmp_path, "giant", "man")
    words = find_words(tmp_path, {"giant": 10, "wicked": 10, "man": 300}, {})

    sentences = make_sentences(words, random.Random(1))
    made = " ".join(next(sentences) for _ in range(50))

    assert "giant" in made
    assert "wicked" in made
    assert " man" not in made


def test_headings_are_short_and_end_with_a_full_stop(tmp_path: Path) -> None:
    write_nouns(tmp_path, "giant")

    headings = make_headings(
        find_words(tmp_path, {"giant": 10, "wicked": 10}, {}), random.Random(1)
    )

    made = [next(headings) for _ in range(50)]
    assert all(line[0].isupper() and line[-1] == "." for line in made)
    assert max(len(line.split()) for line in made) <= 6


def test_a_word_misleads_whose_letters_sound_otherwise_elsewhere() -> None:
    sounds = {
        "give": "g\N{MODIFIER LETTER VERTICAL LINE}iv",
        "gift": "gift",
        "girl": "gel",
        "gild": "gild",
        "live": "liv",
        "ant": "ant",
        "gin": "dʒin",
        "lift": "lift",
        "van": "van",
        "tin": "tin",
        "din": "din",
    }

    misleads = rate_words(sounds, dict.fromkeys(sounds, 20))

    assert max(misleads, key=misleads.__getitem__) == "gin"


def test_words_that_mislead_are_drawn_more_often(tmp_path: Path) -> None:
    write_nouns(tmp_path, "giant", "manor")
    counts = {"giant": 200, "manor": 20, "wicked": 20}
    misleads = {"giant": 4.0, "manor": 0.1}

    sentences = make_sentences(find_words(tmp_path, counts, misleads), random.Random(1))

    made = " ".join(next(sentences) for _ in range(100))
    assert made.count("giant") > 2 * made.count("manor")
