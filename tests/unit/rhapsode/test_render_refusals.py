"""What `rhapsode render` refuses: one line, an exit code, nothing written, and torch not loaded."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rhapsode.cli import run
from rhapsode.exit_codes import EXIT_REFUSED

RATE_HZ = 24_000
EXIT_USAGE = 2


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "out").mkdir()


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    code = run(["render", *map(str, arguments)])
    captured = capsys.readouterr()
    assert code == EXIT_REFUSED
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    return captured.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b" \n\t\r\n ", "white space"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "png"),
        (b"\x00\x01\x02\x03" * 64, "binary"),
        ("🎉 🎊 🥳\n".encode(), "only punctuation"),
        (b"... --- !!! ???", "only punctuation"),
    ],
    ids=["empty", "blank", "image", "binary", "emoji", "punctuation"],
)
def test_a_text_without_words_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, words: str
) -> None:
    text = tmp_path / "text.txt"
    text.write_bytes(content)
    out = tmp_path / "out" / "speech.wav"
    assert words in refused(capsys, text, "-o", out).lower()
    assert list(out.parent.iterdir()) == []


def test_a_text_over_the_limit_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RHAPSODE_LIMITS__DOCUMENT_CHARS", "100")
    text = tmp_path / "text.txt"
    text.write_text("Too much. " * 50)
    assert "100" in refused(capsys, text, "-o", tmp_path / "out" / "speech.wav")


def test_a_missing_text_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nowhere.txt" in refused(capsys, tmp_path / "nowhere.txt", "-o", tmp_path / "a.wav")


def test_a_text_that_never_ends_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = refused(capsys, "/dev/zero", "-o", tmp_path / "a.wav")
    assert "/dev/zero is not a regular file" in message


def test_a_missing_recording_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = refused(
        capsys, hello(tmp_path), "-o", tmp_path / "a.wav", "--voice", tmp_path / "nobody.wav"
    )
    assert "nobody.wav" in message


def test_a_short_recording_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    voice = tmp_path / "short.wav"
    soundfile.write(voice, np.sin(np.arange(RATE_HZ) / 20) / 2, RATE_HZ)
    message = refused(capsys, hello(tmp_path), "-o", tmp_path / "a.wav", "--voice", voice)
    assert "short.wav" in message
    assert "5" in message


def test_a_recording_that_breaks_off_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    voice = tmp_path / "cut.opus"
    twelve_s = np.sin(np.arange(12 * RATE_HZ) / 20) / 2
    soundfile.write(voice, twelve_s, RATE_HZ, format="OGG", subtype="OPUS")
    voice.write_bytes(voice.read_bytes()[:-100])
    message = refused(capsys, hello(tmp_path), "-o", tmp_path / "a.wav", "--voice", voice)
    assert "cut.opus breaks off after 1" in message


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("speech.xyz", "xyz"),
        ("speech", "ending"),
        ("no/such/folder/speech.wav", "does not exist"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    assert words in refused(capsys, hello(tmp_path), "-o", tmp_path / name)


def test_a_folder_in_the_place_of_the_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hello.m4b").mkdir()
    assert "is a folder" in refused(capsys, hello(tmp_path), "-o", tmp_path)


def test_two_outputs_of_one_format_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = ("-o", tmp_path / "a.wav", "-o", tmp_path / "b.wav")
    assert "same format" in refused(capsys, hello(tmp_path), *outputs)


def test_a_mistyped_setting_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RHAPSODE_WORKER__SLOT", "3")
    message = refused(capsys, hello(tmp_path), "-o", tmp_path / "a.wav")
    assert "RHAPSODE_WORKER__SLOT" in message


def test_a_wrong_file_name_is_answered_without_loading_torch(tmp_path: Path) -> None:
    script = (
        "import sys; from rhapsode.cli import run; "
        f"run(['render', '{tmp_path}/nowhere.txt', '-o', '{tmp_path}/a.wav']); "
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    assert done.returncode == 0


@pytest.mark.parametrize("arguments", [["frobnicate"], ["render", "--nonsense"], ["render"]])
def test_wrong_usage_is_explained(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert run(arguments) == EXIT_USAGE
    assert "Usage: " in capsys.readouterr().err


def hello(folder: Path) -> Path:
    path = folder / "hello.txt"
    path.write_text("Hello there, listener. It is good to be heard.\n")
    return path
