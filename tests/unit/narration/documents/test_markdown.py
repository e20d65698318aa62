import pytest

from narration.documents.read import read_document
from narration.documents.types import Series, SkipReason
from narration.text.chunk import plan_chunks

_VERSE = ["Roses are red", "violets are", "blue", "and so on."]


def _spoken(markdown: str) -> list[str]:
    return [chunk.spoken_text for chunk in plan_chunks(_read(markdown)).chunks]


def _read(markdown: str):  # noqa: ANN202 - the type is the reader's business
    return read_document(markdown.encode(), name="a.md")


def _skipped(markdown: str) -> list[tuple[str, str]]:
    document = _read(markdown)
    return [
        (document.source[s.start : s.end], s.reason.value)
        for s in plan_chunks(document).skipped
        if s.reason and s.reason != "markup"
    ]


def test_an_image_that_is_a_heading_is_read_by_its_text() -> None:
    document = _read("# ![Chapter Nine](nine.png)\n\nIt began. ![A cat](cat.png)\n")
    assert [chapter.title for chapter in document.chapters] == ["Chapter Nine"]
    assert _skipped("# ![Nine](a.png)\n\nIt began.") == [("](a.png)", "link_target")]


def test_images_are_read_where_that_is_asked_for() -> None:
    source = b"One ![a cat](p.png) more.\n\n| a | b |\n|---|---|\n| ![a dog](d.png) | c |\n"
    document = read_document(source, name="a.md", spoken=frozenset({SkipReason.IMAGE}))
    said = " ".join(chunk.spoken_text for chunk in plan_chunks(document).chunks)
    assert "One a cat more." in said
    assert "a dog. c" in said


@pytest.mark.parametrize(
    ("markdown", "spoken"),
    [
        ("Some **bold** and *soft* words.", "Some bold and soft words."),
        ("Half**bold**ly said.", "Halfboldly said."),
        ("A [link *here*](http://x.y 'the title') ends.", "A link here ends."),
        ('A [link](<a b> "t") and [one](u(v)w) more.', "A link and one more."),
        ("By [name][ref] and [ref] only.\n\n[ref]: http://x.y", "By name and ref only."),
        ("Not a [link] at all.", "Not a (link) at all."),
        ("Run `make test` now.", "Run make test now."),
        ("Ticks ``a ` b`` here.", "Ticks a ' b here."),
        ("Tea &amp; cake, &quot;yes&quot;.", 'Tea and cake, "yes".'),
        ("Not \\*soft\\*.", "Not soft."),
        ("> quoted\n> over lines", "quoted over lines"),
        ("\x85After a line end of old.", "After a line end of old."),
        ("\xa0After a fixed space.", "After a fixed space."),
        ("A note[^1] here.\n\n[^1]: The note.", "A note here."),
        ("It is ~~old~~ new.", "It is old new."),
        ("Words ![alt text](i.png) and words.", "Words and words."),
        ("Is <b>bold</b> enough.", "Is bold enough."),
        ("- a [x](y)\n  z", "a x z"),
        ("An [a ![i](p) b](u) c.", "An a b c."),
        ("text [a](b", "text (a)(b"),
    ],
)
def test_inline_marks_are_not_heard(markdown: str, spoken: str) -> None:
    assert _spoken(markdown) == [spoken]


@pytest.mark.parametrize(
    ("markdown", "skipped"),
    [
        ("One.\n\n```py\nx = 1\n```", [("```py\nx = 1\n```", "code")]),
        ("One.\n\n    x = 1", [("x = 1", "code")]),
        ("One.\n\n| a |\n|---|\n| 1 |", []),
        ("One.\n\n<div>two</div>", [("<div>", "html"), ("</div>", "html")]),
        ("One ![alt](p.png).", [("![alt](p.png)", "image")]),
        ("One [two](u).", [("](u)", "link_target")]),
        (
            "One [two].\n\n[two]: http://x.y",
            [("]", "link_target"), ("[two]: http://x.y", "link_target")],
        ),
        ("One[^a].\n\n[^a]: Note.", [("[^a]", "note_mark"), ("[^a]: Note.", "note")]),
        ("One.\n\n***\n\nTwo.", [("***", "ornament")]),
        ("---\ntitle: X\r\n---\n\nOne.", [("---\ntitle: X\r\n---", "front_matter")]),
    ],
)
def test_what_is_not_read_aloud_has_its_reason(
    markdown: str, skipped: list[tuple[str, str]]
) -> None:
    assert _skipped(markdown) == skipped


def test_numbers_of_a_list_are_read() -> None:
    assert _spoken("1. tea\n2. cake") == ["one. tea", "two. cake"]


def test_headings_of_the_level_used_twice_begin_chapters() -> None:
    text = "# Book\n\nIntro.\n\n## One\n\nA.\n\n### Part\n\nB.\n\n## Two\n\nC."
    assert [chapter.title for chapter in _read(text).chapters] == ["Book", "One", "Two"]


def test_underlined_headings_begin_chapters() -> None:
    assert [c.title for c in _read("One\n===\n\nA.\n\nTwo\n===\n\nB.").chapters] == ["One", "Two"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_offsets_hold_for_any_line_ending(newline: str) -> None:
    text = newline.join(["# One", "", "> quoted *a*", "> b", "", "- c", "  d"])
    assert _spoken(text) == ["One", "quoted a b", "c d"]


def test_front_matter_without_an_end_takes_no_time() -> None:
    assert _spoken("---\r\n" + "a: b\r\n" * 100)


@pytest.mark.parametrize("unit", ["[", "*", "`", "> ", "<", "![", "&", "\\", "_a", "](", "- "])
def test_a_long_run_of_marks_is_read_in_good_time(unit: str) -> None:
    assert _read("word " + unit * 1000 + " word").chapters


def test_front_matter_names_title_and_author() -> None:
    document = _read('---\ntitle: "The Book"\nAuthor: A. Writer\n---\n\n# One\n\nText.')
    assert (document.title, document.author) == ("The Book", "A. Writer")


def test_without_front_matter_the_first_heading_is_the_title() -> None:
    assert _read("# The *Book*\n\nText.").title == "The Book"


@pytest.mark.parametrize(
    ("markdown", "spoken"),
    [
        ("| a | b |\n|---|---|\n| Anna | Are you *there*? |", ["a. b", "Anna. Are you there?"]),
        ("> | a | b |\n> |---|---|\n> | c \\| d | e |", ["a. b", "c, d. e"]),
        ("<div>two &amp; <b>three</b> <i>four</i></div>", ["two and three four"]),
        ("<ol><li>tea</li><li>cake</li></ol>", ["one. tea", "two. cake"]),
        ("<table><tr><td>Anna</td><td>Hi!</td></tr></table>", ["Anna. Hi!"]),
        ("<p hidden>Not this.</p>\n\nThis.", ["This."]),
        ("<p>unclosed & bad <x\n\nNext.", ["unclosed and bad x", "Next."]),
        ("Roses are red  \nviolets are\\\nblue <br> and so on.", _VERSE),
        ("| Roses are red\n| violets are\n| *blue*\n| and so on.", _VERSE),
        ("A word.<sup>1</sup> Then x<sup>a</sup>", ["A word. Then xa"]),
    ],
)
def test_html_tables_and_lines_are_heard(markdown: str, spoken: list[str]) -> None:
    assert _spoken(markdown) == spoken


def test_the_lines_of_a_poem_have_short_pauses() -> None:
    plan = plan_chunks(_read("Roses are red  \nviolets are blue\n\nProse."))
    assert [chunk.pause_after_ms for chunk in plan.chunks] == [150, 600, 0]


def test_a_grid_of_numbers_is_skipped() -> None:
    table = "| year | sold |\n|---|---|\n| 1901 | 12 |\n| 1902 | 14 |"
    assert _skipped(f"One.\n\n{table}") == [(table, "number_table")]


def test_a_list_of_contents_is_skipped() -> None:
    text = "# Contents\n\n- [One](#one)\n- [Two](#two)\n\n# One\n\nA.\n\n# Two\n\nB."
    assert _spoken(text) == ["One", "A.", "Two", "B."]
    assert ("Contents", "contents") in _skipped(text)


def test_parts_are_kept_above_their_chapters() -> None:
    chapter = "## Chapter {}\n\nA.\n\n"
    text = "# Part One\n\n" + chapter.format("I") + chapter.format("II")
    text += "# Part Two\n\n" + chapter.format("I")
    assert [(c.part, c.title) for c in _read(text).chapters] == [
        ("Part One", "Chapter I"),
        ("Part One", "Chapter II"),
        ("Part Two", "Chapter I"),
    ]


def test_the_heading_of_a_chapter_is_no_title_of_the_work() -> None:
    assert _read("# Chapter 1\n\nThe lamp was lit.\n\n# Chapter 2\n\nB.").title is None


def test_front_matter_tells_what_a_title_page_would() -> None:
    metadata = _read(
        "---\ntitle: The Lamp\nauthors:\n  - Ada Quill\n  - name: Ben Moss\n"
        "lang: en-GB\ndate: 2019\n"
        "series: Hill Tales\nseries_index: 2\ndescription: >\n  A tale\n  of a lamp.\n---\n\nText."
    ).metadata
    assert metadata.authors == ("Ada Quill", "Ben Moss")
    assert (metadata.language, metadata.date) == ("en-GB", "2019")
    assert metadata.series == Series(name="Hill Tales", position="2")
    assert metadata.description == "A tale of a lamp."


@pytest.mark.parametrize(
    ("markdown", "spoken"),
    [
        ('One <span style="display:none">two *three* `x`</span> four.', ["One four."]),
        ("One <b hidden>two <b>three</b> four</b> five.", ["One five."]),
        ('<div style="display: none">\n\nTwo.\n\n# Three\n\n</div>\n\nOne.', ["One."]),
        ("<div hidden>\n\n<div>\n\nTwo.\n\n</div>\n\nThree.\n\n</div>\n\nOne.", ["One."]),
        ("> <div hidden>\n>\n> Two.\n>\n> </div>\n\nOne.", ["One."]),
        ("<div hidden>Two.</div>\n\nOne.", ["One."]),
        ('<div title="is hidden">\n\nOne.\n\n</div>', ["One."]),
        ("<div hidden>\n\nOne.", ["One."]),
        ("One <b hidden>two.", ["One two."]),
    ],
)
def test_what_the_html_hides_is_not_heard(markdown: str, spoken: list[str]) -> None:
    assert _spoken(markdown) == spoken


def test_what_is_hidden_can_be_asked_for() -> None:
    source = b"<div hidden>\n\nTwo.\n\n</div>\n\nOne <b hidden>three</b>.\n"
    document = read_document(source, name="a.md", spoken=frozenset({SkipReason.HIDDEN}))
    said = " ".join(chunk.spoken_text for chunk in plan_chunks(document).chunks)
    assert said == "Two. One three."
