from narration.documents.language import foreign_passages
from narration.documents.read import read_document
from narration.text.chunk import plan_chunks
from narration.text.findings import TextFinding, TextFlag, judge_text

_ENGLISH = "The rain had fallen all night upon the hills, and now it stopped."


def _findings(page: str) -> list[tuple[TextFinding, ...]]:
    document = read_document(page.encode(), name="a.html")
    plan = plan_chunks(document)
    return list(judge_text(plan.chunks, list(foreign_passages(document, "en"))))


def test_a_chunk_of_known_words_has_no_finding() -> None:
    assert _findings(f"<p>{_ENGLISH}</p><p>Café, naïve, Zoë.</p>") == [(), ()]


def test_unknown_characters_are_counted_and_named() -> None:
    plain, found = _findings(f"<p>{_ENGLISH}</p><p>He said да and нет to it, twice.</p>")
    assert plain == ()
    (finding,) = found
    assert (finding.flag, finding.measured) == (TextFlag.UNKNOWN_CHARACTERS, 5)
    assert set(finding.detail.split()) == set("данет")


def test_a_marked_passage_is_a_finding_of_its_chunks_only() -> None:
    page = f"<p>{_ENGLISH}</p><p lang='fr'>Il pleut sur la ville.</p><p>{_ENGLISH}</p>"
    before, passage, after = _findings(page)
    assert before == after == ()
    assert [(f.flag, f.detail) for f in passage] == [(TextFlag.FOREIGN_LANGUAGE, "fr")]


def test_english_within_a_text_of_another_language_is_no_finding() -> None:
    document = read_document(f"<p lang='en'>{_ENGLISH}</p>".encode(), name="a.html")
    passages = list(foreign_passages(document, "fr"))
    assert passages
    assert list(judge_text(plan_chunks(document).chunks, passages)) == [()]
