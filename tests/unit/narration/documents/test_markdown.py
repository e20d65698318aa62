import pytest

from narration.documents.read import read_document
from narration.text.chunk import plan_chunks


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
