"""Structure of Word documents that is not expressed by the usual styles."""

from narration.documents.read import read_document
from narration.documents.types import Document, SkipReason
from tests.document_files import make_docx, paragraph

_LINE = "It was a long day, and nothing happened on it that anybody would tell of."
_MATH = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'


def _read(body: str) -> Document:
    return read_document(make_docx(body), name="a.docx")


def _blocks(document: Document) -> list[str]:
    return [
        "".join(
            document.source[run.start : run.end] if run.reading is None else run.reading
            for run in block.runs
        )
        for chapter in document.chapters
        for block in chapter.blocks
    ]


def _titles(document: Document) -> list[str]:
    return [chapter.title for chapter in document.chapters]


def _skipped(document: Document) -> str:
    skips = (s for s in document.skips if s.reason is SkipReason.NAVIGATION)
    return " ".join(document.source[skip.start : skip.end] for skip in skips)


def _field(kind: str) -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'


def _sized(text: str, half_points: int) -> str:
    size = f'<w:rPr><w:sz w:val="{half_points}"/></w:rPr>'
    return f"<w:p><w:r>{size}<w:t>{text}</w:t></w:r></w:p>"


def _toc(end: str) -> str:
    code = "<w:r><w:instrText> TOC \\o </w:instrText></w:r>"
    return (
        f"<w:p>{_field('begin')}{code}{_field('separate')}<w:r><w:t>One 3</w:t></w:r></w:p>"
        f"<w:p><w:r><w:t>Two 9</w:t></w:r>{end}</w:p>{paragraph('It began.')}"
    )


def test_a_list_of_contents_that_is_a_field_is_not_read() -> None:
    document = _read(_toc(_field("end")))
    assert _blocks(document) == ["It began."]
    assert _skipped(document) == "One 3 Two 9"


def test_a_field_that_does_not_end_hides_nothing() -> None:
    assert _blocks(_read(_toc(""))) == ["One 3", "Two 9", "It began."]


def test_a_list_of_contents_that_is_a_building_block_is_not_read() -> None:
    gallery = '<w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj>'
    block = f"<w:sdt><w:sdtPr>{gallery}</w:sdtPr><w:sdtContent>{paragraph('One 3')}"
    document = _read(f"{block}</w:sdtContent></w:sdt>{paragraph('It began.')}")
    assert _blocks(document) == ["It began."]


def test_a_paragraph_with_an_outline_level_is_a_heading() -> None:
    level = '<w:pPr><w:outlineLvl w:val="0"/></w:pPr>'
    heads = [f"<w:p>{level}<w:r><w:t>{name}</w:t></w:r></w:p>" for name in ("Dawn", "Dusk")]
    document = _read(paragraph(_LINE).join(heads) + paragraph(_LINE))
    assert _titles(document) == ["Dawn", "Dusk"]


def test_lines_in_larger_type_are_headings_where_nothing_else_is() -> None:
    text = paragraph(_LINE) * 3
    document = _read(_sized("Dawn", 40) + text + _sized("Dusk", 40) + text)
    assert _titles(document) == ["Dawn", "Dusk"]


def test_a_document_in_large_type_has_no_headings_for_that() -> None:
    document = _read("".join(_sized(f"{_LINE} {number}", 40) for number in range(6)))
    assert len(document.chapters) == 1


def test_a_formula_is_read() -> None:
    formula = (
        "<m:oMath><m:r><m:t>y=</m:t></m:r><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e>"
        "<m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup><m:f><m:num><m:r><m:t>+1</m:t></m:r></m:num>"
        "<m:den><m:r><m:t>4</m:t></m:r></m:den></m:f></m:oMath>"
    )
    before, after = ("<w:r><w:t xml:space='preserve'>" + text for text in ("So ", " holds."))
    document = _read(
        f"<w:p {_MATH}>{before}</w:t></w:r><m:oMathPara>{formula}</m:oMathPara>"
        f"{after}</w:t></w:r></w:p>"
    )
    assert _blocks(document) == ["So y=x²+1/4 holds."]


def test_an_initial_in_a_frame_belongs_to_its_word() -> None:
    frame = '<w:pPr><w:framePr w:dropCap="drop"/></w:pPr>'
    document = _read(f"<w:p>{frame}<w:r><w:t>O</w:t></w:r></w:p>{paragraph('nce it began.')}")
    assert _blocks(document) == ["Once it began."]
