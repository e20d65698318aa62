import pytest

from narration.documents.docx_hidden import HIDDEN_STYLE, hidden_styles, mark_hidden
from narration.documents.read import read_document
from narration.documents.types import Document, SkipReason
from tests.document_files import make_docx, paragraph

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_SHEET = f"""<w:styles {_W}>
<w:style w:styleId="Secret"><w:rPr><w:vanish/></w:rPr></w:style>
<w:style w:styleId="Deeper"><w:basedOn w:val="Secret"/></w:style>
<w:style w:styleId="Shown"><w:basedOn w:val="Secret"/><w:rPr><w:vanish w:val="0"/></w:rPr></w:style>
<w:style w:styleId="Loop"><w:basedOn w:val="Loop"/></w:style>
</w:styles>""".encode()


def _spoken(document: Document) -> str:
    runs = [run for each in document.chapters for block in each.blocks for run in block.runs]
    return " ".join(document.source[run.start : run.end] for run in runs)


def _hidden(document: Document) -> str:
    hidden = [skip for skip in document.skips if skip.reason is SkipReason.HIDDEN]
    return " ".join(document.source[skip.start : skip.end] for skip in hidden)


@pytest.mark.parametrize(
    ("properties", "is_spoken"),
    [
        ("<w:vanish/>", False),
        ('<w:vanish w:val="true"/>', False),
        ('<w:b/><w:vanish w:val="1"/>', False),
        ('<w:vanish w:val="0"/>', True),
        ("<w:b/>", True),
    ],
)
def test_hidden_text_of_a_word_document_is_skipped(properties: str, *, is_spoken: bool) -> None:
    run = f"<w:r><w:rPr>{properties}</w:rPr><w:t>secret </w:t></w:r>"
    document = read_document(make_docx(paragraph("It began.", extra=run)), name="a.docx")
    assert ("secret" in _spoken(document)) is is_spoken
    assert ("secret" in _hidden(document)) is not is_spoken


def test_a_style_hides_what_it_is_said_to_or_what_it_is_based_on() -> None:
    assert hidden_styles(_SHEET) == {"Secret", "Deeper"}
    assert hidden_styles(b"<damaged") == frozenset()


@pytest.mark.parametrize(
    "run",
    [
        '<w:p><w:r><w:rPr><w:rStyle w:val="Secret"/></w:rPr><w:t>a</w:t></w:r></w:p>',
        '<w:p><w:pPr><w:pStyle w:val="Deeper"/></w:pPr><w:r><w:t>a</w:t></w:r></w:p>',
    ],
)
def test_runs_in_a_hidden_style_are_marked(run: str) -> None:
    part = f"<w:body {_W}>{run}</w:body>".encode()
    assert HIDDEN_STYLE.encode() in mark_hidden(part, hidden_styles(_SHEET))
    assert mark_hidden(part, frozenset()) == part
