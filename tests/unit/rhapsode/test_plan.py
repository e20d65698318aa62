import json
from pathlib import Path

import pytest

from rhapsode.cli import run
from tests.epubs import make_epub
from tests.unit.rhapsode.test_cli import without

TEXT = "# One\n\nThe rain had fallen.[^1]\n\n# Two\n\nHe left.\n\n[^1]: A secret note.\n"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.md"
    path.write_text(TEXT)
    return path


def test_plan_tells_a_person_how_a_text_is_read(
    book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", str(book)]) == 0
    text = capsys.readouterr().out
    assert "in 2 chapters" in text
    assert "characters  note\n" in text
    assert "warning" in text


def test_plan_tells_a_script_the_same_as_a_job(
    book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", str(book), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [chapter["title"] for chapter in report["chapters"]] == ["One", "Two"]
    assert report["skipped"]["note"] > 0
    assert report["remarks"][0]["code"] == "text_skipped"


def test_plan_reads_what_is_asked_for(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(book), "--json", "--read", "note"]) == 0
    assert "note" not in json.loads(capsys.readouterr().out)["skipped"]


def test_unknown_reason_is_refused_with_those_there_are(
    book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", str(book), "--read", "footnotes"]) == 1
    assert "--read footnotes" in (error := capsys.readouterr().err)
    assert "note" in error


def test_plan_tells_how_long_it_will_be(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(book)]) == 0
    assert "of speech in 4 chunks" in capsys.readouterr().out
    assert run(["plan", str(book), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["chunks"] == sum(chapter["chunks"] for chapter in report["chapters"]) == 4
    assert report["audio_s"] == pytest.approx(
        sum(chapter["audio_s"] for chapter in report["chapters"]), abs=0.2
    )
    assert report["cached_s"] is None  # nothing was spoken on this machine


def test_plan_of_some_chapters_keeps_their_numbers(
    book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", str(book), "--chapters", "2"]) == 0
    text = capsys.readouterr().out
    assert "characters  left out\n" in text
    assert "   2        3 words" in text
    assert "words  " in text
    assert "   1  " not in text


def test_plan_of_a_chapter_that_is_not_there_says_how_many_there_are(
    book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", str(book), "--chapters", "2-3"]) == 1
    assert "there is no chapter 3: the document has 2" in capsys.readouterr().err


def test_plan_needs_no_extra(book: Path) -> None:
    ended = without(
        {"torch", "fastapi", "httpx", "boto3", "celery", "tokenizers"}, "plan", str(book)
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_plan_tells_what_a_book_says_of_itself_and_which_cover_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "book.epub"
    data = make_epub(
        {"a": "<p>It began.</p>"},
        metadata="<dc:publisher>Hill Press</dc:publisher>"
        '<meta name="calibre:series" content="Hills"/>'
        '<meta name="calibre:series_index" content="2"/>',
        items='<item id="c" href="c.webp" media-type="image/webp" properties="cover-image"/>',
        files={"OEBPS/c.webp": b"RIFF picture"},
    )
    path.write_bytes(data)
    assert run(["plan", str(path)]) == 0
    text = capsys.readouterr().out
    assert "series     Hills 2\n" in text
    assert "published  Hill Press" in text
    assert "the cover (image/webp, 12 bytes) is left out of the files" in text
