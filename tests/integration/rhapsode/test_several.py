"""`rhapsode render` and `rhapsode submit` of several texts at once."""

import json
from pathlib import Path

import pytest

from rhapsode.cli import run
from rhapsode.exit_codes import EXIT_REFUSED
from tests.integration.rhapsode.conftest import Render
from tests.page_browser import served_page
from worker.assembly.probe import probe


def texts(folder: Path) -> list[Path]:
    written = {"one.md": "# One\n\nIt rained.", "empty.txt": " ", "two.txt": "Then it stopped."}
    for name, text in written.items():
        (folder / name).write_text(text)
    return [folder / name for name in written]


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_several_texts_are_rendered_and_one_that_fails_is_told(
    tmp_path: Path, render: Render, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    code = render(*texts(tmp_path), "-o", out, "--format", "mp3", "--format", "vtt", "--json")
    one, empty, two = lines(capsys)
    assert code == EXIT_REFUSED
    assert one["outputs"] == [str(out / "one.mp3"), str(out / "one.vtt")]
    assert "error" in empty
    assert probe(out / "two.mp3").duration_s > 0.5
    assert two["manifest"] == str(out / "two.manifest.json")
    assert len(list(out.iterdir())) == 6


def test_several_texts_are_submitted_and_one_that_fails_is_told(
    tmp_path: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = map(str, texts(tmp_path))
    out = tmp_path / "out"
    with served_page(tmp_path / "served") as served:
        options = ["--server", served.url, "-o", str(out), "--format", "mp3", "--json", "-q"]
        code = run(["submit", *files, *options])
    one, empty, two = lines(capsys)
    assert code == EXIT_REFUSED
    assert (one["file"], two["file"]) == (str(tmp_path / "one.md"), str(tmp_path / "two.txt"))
    assert "error" in empty
    assert sorted(path.name for path in out.iterdir()) == ["one.mp3", "two.mp3"]
