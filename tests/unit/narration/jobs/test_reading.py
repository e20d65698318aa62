from narration.documents.read import read_document
from narration.jobs.reading import MOST_CHAPTERS, ReadingRecord, record_reading, report_plan
from narration.text.chunk import plan_chunks

_TEXT = "The rain had fallen all night upon the hills, and now it stopped."


def _record(text: str, name: str = "a.md") -> ReadingRecord:
    document = read_document(text.encode(), name=name)
    return record_reading(report_plan(document, plan_chunks(document)))


def test_the_record_is_of_the_plan_and_reads_back() -> None:
    record = _record(f"# One\n\n{_TEXT}\n\n***\n\n```\nx = 1\n```\n\n# Two\n\nДж, {_TEXT}")
    assert [(chapter.title, chapter.words) for chapter in record.chapters] == [
        ("One", 14),
        ("Two", 15),
    ]
    assert record.skipped["code"] > 0
    assert record.skipped["ornament"] > 0
    assert [(u.character, u.count) for u in record.unknown] == [("Д", 1), ("ж", 1)]
    assert ReadingRecord.model_validate(record.model_dump(mode="json")) == record


def test_a_row_of_another_version_is_read() -> None:
    stored = _record(_TEXT).model_dump(mode="json") | {"later": 1}
    assert ReadingRecord.model_validate(stored).words == 13


def test_what_is_listed_is_bounded_and_all_of_it_counted() -> None:
    record = _record("".join(f"# {n}\n\nHe went.\n\n" for n in range(MOST_CHAPTERS + 5)))
    assert record.chapters_total == MOST_CHAPTERS + 5
    assert len(record.chapters) == MOST_CHAPTERS
