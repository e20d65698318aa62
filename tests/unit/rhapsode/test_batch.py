"""Several texts in one command: where each goes, and how a failure affects the others."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from narration.errors import DocumentError, OutputError, RhapsodeError, TransientError
from rhapsode.batch import Work, assign_outputs, run_all
from rhapsode.cli import run
from rhapsode.exit_codes import EXIT_REFUSED, EXIT_TRY_AGAIN
from rhapsode.inputs import STDIN

GOOD, BAD, BUSY = Path("good.md"), Path("bad.md"), Path("busy.md")


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def places(works: list[Work]) -> list[list[Path]]:
    return [[output.path for output in work.outputs] for work in works]


def test_output_is_named_after_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert places(assign_outputs([Path("books/book.epub")], None, None)) == [[Path("book.m4b")]]
    named = assign_outputs([Path("book.epub")], [Path("a.mp3")], None)
    assert places(named) == [[Path("a.mp3")]]


def test_one_text_goes_into_a_folder_that_is_there(tmp_path: Path) -> None:
    works = assign_outputs([Path("book.epub")], [tmp_path], ["mp3", "VTT"])
    assert places(works) == [[tmp_path / "book.mp3", tmp_path / "book.vtt"]]


def test_several_texts_go_into_a_folder_that_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "books"
    works = assign_outputs([Path("a.md"), Path("b.epub")], [folder], ["mp3", "srt"])
    assert places(works) == [
        [folder / "a.mp3", folder / "a.srt"],
        [folder / "b.mp3", folder / "b.srt"],
    ]


@pytest.mark.parametrize(
    ("files", "output", "formats", "words"),
    [
        (["a/one.md", "b/one.epub"], [], None, "would both become"),
        (["a.md", "b.md"], ["x.mp3", "x.vtt"], None, "one folder"),
        (["a.md", "b.md"], [], ["mp9"], "mp9"),
        (["a.md"], ["x.mp3"], ["mp3", "vtt"], "twice"),
        (["a.md"], ["x.mp3", "y.mp3"], None, "same format"),
        ([str(STDIN)], [], None, "-o FILE"),
        ([str(STDIN), "a.md"], [], None, "-o FILE"),
    ],
)
def test_what_cannot_be_told_apart_is_refused_before_any_work(
    in_folder: None, files: list[str], output: list[str], formats: list[str] | None, words: str
) -> None:
    with pytest.raises(OutputError, match=words):
        assign_outputs([*map(Path, files)], [*map(Path, output)], formats)


def test_a_file_where_the_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "book.mp3").write_text("")
    with pytest.raises(OutputError, match="cannot be the folder for several texts"):
        assign_outputs([GOOD, BAD], [tmp_path / "book.mp3"], None)


@dataclass(frozen=True)
class Said:
    file: Path

    def show(self, *, is_quiet: bool, as_json: bool) -> None:
        typer.echo(json.dumps({"file": str(self.file)}) if as_json else f"{self.file} is done")


def narrate(work: Work) -> Said:
    failures: dict[Path, RhapsodeError] = {
        BAD: DocumentError("it is empty"),
        BUSY: TransientError("it is full"),
    }
    if work.file in failures:
        raise failures[work.file]
    return Said(work.file)


def exit_code(*files: Path, as_json: bool = False, is_over: bool = False) -> int:
    works = [Work(file=file, outputs=[]) for file in files]
    try:
        run_all(works, narrate, is_quiet=False, as_json=as_json, is_over=lambda: is_over)
    except typer.Exit as end:
        return end.exit_code
    return 0


def test_one_that_fails_does_not_stop_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(BAD, GOOD) == EXIT_REFUSED
    told = capsys.readouterr()
    assert told.out == "good.md is done\n"
    assert told.err == "rhapsode: bad.md: it is empty\nrhapsode: 1 of 2 texts failed\n"


def test_the_code_says_whether_another_try_is_worth_it() -> None:
    assert exit_code(GOOD, GOOD) == 0
    assert exit_code(BUSY, GOOD) == EXIT_TRY_AGAIN
    assert exit_code(BUSY, BAD) == EXIT_REFUSED


def test_a_script_hears_of_each_text_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    exit_code(BAD, GOOD, as_json=True)
    bad, good = map(json.loads, capsys.readouterr().out.splitlines())
    assert bad == {
        "file": "bad.md",
        "error": {"code": "document_invalid", "detail": "it is empty"},
    }
    assert good == {"file": "good.md"}


def test_nothing_more_is_tried_once_all_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(BAD, GOOD, is_over=True) == EXIT_REFUSED
    assert capsys.readouterr().out == ""


def test_the_only_text_that_fails_says_so_itself() -> None:
    with pytest.raises(DocumentError, match="it is empty"):
        exit_code(BAD)


def test_one_title_for_several_texts_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RHAPSODE_DATA_DIR", str(tmp_path))
    assert run(["render", "a.md", "b.md", "--title", "One"]) == EXIT_REFUSED
    assert "--title" in capsys.readouterr().err


def test_a_dry_run_says_what_would_be_made_and_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RHAPSODE_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "a.md").write_text("# One\n\nIt rained.\n\n# Two\n\nIt stopped.")
    (tmp_path / "b.md").write_text("   ")
    out = tmp_path / "out"
    files = [str(tmp_path / "a.md"), str(tmp_path / "b.md")]
    code = run(["render", *files, "-o", str(out), "--dry-run", "--json", "--chapters", "1"])
    good, bad = map(json.loads, capsys.readouterr().out.splitlines())
    assert code == EXIT_REFUSED
    assert (good["chapters"], good["outputs"]) == (1, [str(out / "a.m4b")])
    assert good["audio_s"] > 0
    assert "white space" in bad["error"]["detail"]
    assert list(out.iterdir()) == []
