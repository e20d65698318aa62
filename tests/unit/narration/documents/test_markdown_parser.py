import pytest

from narration.documents.read import read_document
from narration.documents.types import Document, SkipReason
from narration.text.chunk import plan_chunks


def _read(text: str) -> Document:
    return read_document(text.encode(), name="a.md")


def _spoken(text: str) -> str:
    return " ".join(chunk.spoken_text for chunk in plan_chunks(_read(text)).chunks)


def _skipped(text: str, reason: SkipReason) -> list[str]:
    document = _read(text)
    return [document.source[s.start : s.end] for s in document.skips if s.reason is reason]


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Let $x$ be so.", "Let x be so."),
        ("So $A = \\pi r^2$ is it.", "So A equals pi r squared is it."),
        ("So $$E = mc^2$$ is it.", "So E equals mc squared is it."),
        ("So \\(x^2 \\le 9\\) is it.", "So x squared is less than or equal to nine is it."),
        ("Take $\\frac{a}{b}$ of it.", "Take a slash b of it."),
    ],
)
def test_a_formula_that_has_a_saying_is_read(text: str, spoken: str) -> None:
    assert _spoken(text) == spoken


@pytest.mark.parametrize("formula", ["$\\int_0^1 x\\,dx$", "$$\n\\sum_{i=1}^n x_i\n$$"])
def test_another_formula_is_skipped_as_code(formula: str) -> None:
    assert "".join(_skipped(f"Before {formula} after.", SkipReason.CODE)) == formula
    assert _spoken(f"Before {formula} after.").split() == ["Before", "after."]


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("It costs $5 and $10.", "It costs five dollars and ten dollars."),
        ("It costs $1.50 to $20.", "It costs one dollar and fifty cents to twenty dollars."),
        ("He said \\[so\\] it is \\(here\\).", "He said (so) it is (here)."),
    ],
)
def test_prices_and_escaped_brackets_are_no_formulas(text: str, spoken: str) -> None:
    assert _spoken(text) == spoken
    assert _skipped(text, SkipReason.CODE) == []


def test_the_boxes_of_a_list_of_tasks_are_not_read() -> None:
    text = "- [x] Wash the pots\n- [ ] Dry the pots\n\n1. [X] Go home"
    assert _spoken(text) == "Wash the pots Dry the pots one. Go home"
    assert _spoken("[x] marks the place.").endswith("marks the place.")


def test_a_definition_below_a_note_is_no_part_of_it() -> None:
    text = "Text[^1] here [a][r].\n\n[^1]: A note.\n[r]: http://x.org\n"
    assert _spoken(text) == "Text here a."
    assert _skipped(text, SkipReason.NOTE) == ["[^1]: A note."]
    assert _skipped(text, SkipReason.LINK_TARGET) == ["][r]", "[r]: http://x.org"]


def test_paragraphs_that_are_set_in_belong_to_the_note_above() -> None:
    text = "Text[^1] here.\n\n[^1]: A note\n  that goes on.\n\n    And more of it.\n\nThe end."
    assert _spoken(text) == "Text here. The end."
    assert len(_skipped(text, SkipReason.NOTE)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Note \\[in 1905 this was changed, and nobody knows why it was done at all by them\\].",
        "The $$ places (12 of them, mostly by the harbour and open late) beat the $$$ ones.",
        "See \\(page 5, where the whole thing is explained at length, in the 1905 edition\\).",
    ],
)
def test_words_in_a_row_are_no_formula(text: str) -> None:
    assert _skipped(text, SkipReason.CODE) == []
