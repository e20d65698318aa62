"""Small documents of every kind that was once read wrongly, and what a listener should hear."""

import pytest

from narration.documents.read import read_document
from narration.documents.report import report_on
from narration.documents.types import Document
from narration.text.chunk import plan_chunks
from narration.text.types import ChunkLimits
from tests.epubs import contents_of, make_epub

# Long enough that a heading is heard, short enough that each paragraph is a chunk.
_LIMITS = ChunkLimits(max_chars=280, min_chars=0)


def _heard(document: Document) -> list[str]:
    return [chunk.spoken_text for chunk in plan_chunks(document, _LIMITS).chunks]


_PAGES = {
    "a play set as a table": (
        (
            "<h2>Act I</h2><table><tr><td>Nora</td><td>Is the boat in, Piet?</td></tr>"
            "<tr><td>Piet</td><td>Not before noon.</td></tr></table>"
        ),
        ["Act one", "Nora. Is the boat in, Piet?", "Piet. Not before noon."],
    ),
    "numbers of pages by their class": (
        (
            '<p>She ran <span class="pagenum">[Pg 31]</span>up the stairs.</p>'
            '<span class="pagenum">32</span><p>Then down.</p>'
        ),
        ["She ran up the stairs.", "Then down."],
    ),
    "verse with breaks": (
        "<p>The wind is low<br/>The tide is slow<br/>And home we go</p>",
        ["The wind is low", "The tide is slow", "And home we go"],
    ),
    "verse as it was typed": (
        '<pre class="poem">The wind is low,\nThe tide is slow.</pre><p>She sang it.</p>',
        ["The wind is low,", "The tide is slow.", "She sang it."],
    ),
    "hidden text": (
        '<p>Seen.</p><p hidden="hidden">Not one.</p><p style="display:none">Not two.</p>',
        ["Seen."],
    ),
    "powers": (
        "<p>E = mc<sup>2</sup>, 10<sup>9</sup> and 2<sup>8</sup>.</p>",
        ["E equals mc squared, ten to the ninth and two to the eighth."],
    ),
    "marks of notes": (
        (
            '<p>The bell rang.<sup>4</sup> He woke<a href="#n5">5</a> and rose.'
            "<sup>16</sup> It has 10<sup>6</sup> parts.</p>"
        ),
        ["The bell rang. He woke and rose. It has ten to the sixth parts."],
    ),
    "an ordered list": (
        "<p>Do this:</p><ol><li>Boil the water.</li><li>Add the tea.</li></ol>",
        ["Do this:", "one. Boil the water.", "two. Add the tea."],
    ),
}
_TEXTS = {
    "a licence": (
        (
            "*** START OF THE PROJECT GUTENBERG EBOOK THE FERRY ***\n\nProduced by Two Women\n\n"
            "CHAPTER I\n\nShe rowed.\n\n*** END OF THE PROJECT GUTENBERG EBOOK THE FERRY ***\n\n"
            "Section 1.  General Terms of Use\n\n1.E.8.  You may charge a fee.\n"
        ),
        ["Chapter One", "She rowed."],
    ),
    "initials that could be numerals": (
        "L. DE VRIES\n\nC. D. MILLER, ESQ.\n",
        ["L De Vries", "C D Miller, Esquire."],
    ),
    "old money": (
        "It was 3s. 4d. a yard, a 6s. book, and 9s. net.\n",
        ["It was three shillings four pence a yard, a six shilling book, and nine shillings net."],
    ),
    "adventures with titles": (
        "ADVENTURE II. THE BLUE LAMP\n\nIt rained.\n\nADVENTURE III. THE GREY CAT\n\nIt snowed.\n",
        [
            "Adventure Two. The Blue Lamp",
            "It rained.",
            "Adventure Three. The Grey Cat",
            "It snowed.",
        ],
    ),
    "bare numerals with titles": (
        "I. The Lake\n\nIt rained.\n\nII. The Shore\n\nIt snowed.\n",
        ["One. The Lake", "It rained.", "Two. The Shore", "It snowed."],
    ),
    "a list of contents": (
        "CONTENTS\n\nCHAPTER I\nCHAPTER II\n\nCHAPTER I\n\nIt ran.\n\nCHAPTER II\n\nIt fell.\n",
        ["Chapter One", "It ran.", "Chapter Two", "It fell."],
    ),
    "marks of notes and pages": (
        "The bell rang.[7] He woke.\n\n[Footnote 7: A ship's bell.]\n\nHe went [Pg 20] down.\n",
        ["The bell rang. He woke.", "He went down."],
    ),
    "references in brackets": (
        ("It sank.[3] Many saw it [1, 2] and wrote [Ekman 2004]. He cried [aloud].9 So it was.\n"),
        ["It sank. Many saw it and wrote. He cried (aloud). So it was."],
    ),
    "headings in capitals": (
        "DOG’S BEST DAY\n\nIt ran.\n\nTHE WARS OF HENRY V\n\nMR. AND MRS. OAK\n\nTHE BBC FILE\n",
        [
            "Dog's Best Day",
            "It ran.",
            "The Wars Of Henry The Fifth",
            "Mister And Missus Oak",
            "The BBC File",
        ],
    ),
    "dashes": (
        (
            'She sat, quite still.—No, no. "D—n the rope!" For ⸻, with love. May 3rd, 18—. It took '
            "2 hrs., then ended.\n"
        ),
        [
            (
                'She sat, quite still. No, no. "Damn the rope!" For Blank, with love. May third, '
                "eighteen blank. It took two hours, then ended."
            )
        ],
    ),
    "degrees": (
        "It lies at 12° 5′ 40″ S. and 77° 2′ W. of the line.\n",
        [
            (
                "It lies at twelve degrees, five minutes, forty seconds south and seventy-seven "
                "degrees, two minutes west of the line."
            )
        ],
    ),
    "figures that are no spans": (
        "See Listing 3-6 and Figure 2-5; dated 05/02/17; 1/4 lb. of tea; ISBN 978-0-306-40615-7.\n",
        [
            (
                "See Listing three dash six and Figure two dash five; dated May second, twenty "
                "seventeen; one quarter of a pound of tea; I S B N nine seven eight, zero, three "
                "zero six, four zero six one five, seven."
            )
        ],
    ),
    "words divided at a line's end": (
        "He kept a row-\nboat and a well-\nread dog.\n",
        ["He kept a row-boat and a well-read dog."],
    ),
    "a page that is called a text": (
        "<!DOCTYPE html><html><body><h1>Ho</h1><p>Here.</p></body></html>\n",
        ["Ho", "Here."],
    ),
    "a sentence below a heading": (
        'Chapter 7\n\nWhen I came home, I found this note:--\n\n"Dear sister, wait."\n',
        ["Chapter seven", "When I came home, I found this note.", '"Dear sister, wait."'],
    ),
    "sums, years and signs": (
        (
            "It cost $7m and went for £9m.\n\nIt was Ann and I. Bob had left.\n\nIn 1087 the king "
            "fell.\n\nIt was 7−4 and the odds were 5:2.\n"
        ),
        [
            "It cost seven million dollars and went for nine million pounds.",
            "It was Ann and I. Bob had left.",
            "In ten eighty-seven the king fell.",
            "It was seven minus four and the odds were five to two.",
        ],
    ),
}


@pytest.mark.parametrize("kind", _PAGES)
def test_a_book_is_heard_as_it_is_meant(kind: str) -> None:
    body, heard = _PAGES[kind]
    document = read_document(make_epub({"a": body}), name="book.epub")
    assert _heard(document) == heard


@pytest.mark.parametrize("kind", _TEXTS)
def test_a_text_is_heard_as_it_is_meant(kind: str) -> None:
    source, heard = _TEXTS[kind]
    document = read_document(source.encode(), name="text.txt")
    assert _heard(document) == heard


def test_contents_and_imprint_are_not_heard() -> None:
    pages = {
        "a": '<section epub:type="copyright-page"><h2>Copyright</h2><p>ISBN 1.</p></section>',
        "b": '<h2>Contents</h2><p><a href="c.xhtml">1. Lake</a></p><p><a href="c.xhtml">2.</a></p>',
        "c": "<h2>1. The Lake</h2><p>It rained.</p>",
    }
    assert _heard(read_document(make_epub(pages), name="book.epub")) == [
        "one. The Lake",
        "It rained.",
    ]


def test_chapters_bear_the_names_of_the_book_s_own_contents() -> None:
    pages = {
        "a": '<p class="t">I</p><p class="title">A Note</p><p>It rained.</p>',
        "b": '<p class="t">Two</p><p>It snowed.</p>',
    }
    contents = contents_of({"a.xhtml": "I: A Note", "b.xhtml": "II: A Reply"})
    document = read_document(make_epub(pages, contents=contents), name="book.epub")
    assert [chapter.title for chapter in document.chapters] == ["I: A Note", "II: A Reply"]


def test_the_name_of_the_first_chapter_is_not_the_name_of_the_work() -> None:
    markdown = b"# Chapter 1\n\nIt rained at six.\n\n# Chapter 2\n\nIt snowed all day.\n"
    document = read_document(markdown, name="text.md")
    assert document.title is None
    assert [chapter.title for chapter in document.chapters] == ["Chapter 1", "Chapter 2"]


def test_a_book_in_another_language_is_named_as_such() -> None:
    metadata = "<dc:title>T</dc:title><dc:language>fr</dc:language>"
    pages = {"a": "<h1>La fin</h1><p>Le 9 mars 1848, M. Lebrun avait 30 francs.</p>"}
    report = report_on(read_document(make_epub(pages, metadata=metadata), name="book.epub"))
    assert any("another language (fr)" in warning.text for warning in report.warnings)


def test_passages_in_other_alphabets_are_named() -> None:
    text = (
        "# The Note\n\nThe clerk opened the note and read it to his wife at the table.\n\n"
        "Дорогая сестра, мы живём теперь у самого моря, и каждый день идёт дождь.\n\n"
        "She said nothing, and they went on with their supper as if it were any day.\n"
    )
    report = report_on(read_document(text.encode(), name="text.md"))
    assert [passage.alphabet for passage in report.foreign] == ["Cyrillic"]


def test_all_authors_are_kept() -> None:
    metadata = (
        "<dc:title>T</dc:title><dc:creator>A. One</dc:creator><dc:creator>B. Two</dc:creator>"
    )
    document = read_document(make_epub({"a": "<p>Hi.</p>"}, metadata=metadata), name="book.epub")
    assert document.author == "A. One, B. Two"
