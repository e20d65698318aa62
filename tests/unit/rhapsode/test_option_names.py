"""What is wrong with a request is named by the options that set it, in the words of the service."""

from pathlib import Path

import pytest

from narration.errors import FieldsError, UnknownVoiceError
from rhapsode.cli import run
from rhapsode.exit_codes import EXIT_REFUSED
from rhapsode.option_names import explain, name_of


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_DATA_DIR", str(tmp_path / "data"))


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--title=a\nb", "contains the control character U+000A: remove it"),
        (f"--author={'a' * 201}", "has more than 200 characters"),
        (f"--voice={'v' * 65}", "has more than 64 characters"),
        ("--seed=99999999999999999999", "must be less than 9,223,372,036,854,775,808"),
        ("--temperature=nan", "is not a finite number"),
        ("--exaggeration=nan", "is not a finite number"),
    ],
)
@pytest.mark.parametrize("command", ["render", "submit"])
def test_a_value_that_no_job_can_have_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], command: str, argument: str, words: str
) -> None:
    code = run([command, "README.md", "-o", "x.mp3", argument])
    option = argument.partition("=")[0]
    assert (code, capsys.readouterr().err) == (EXIT_REFUSED, f"rhapsode: {option}: {words}\n")


@pytest.mark.parametrize(
    ("place", "option"),
    [
        (("delivery", "cfg_weight"), "--cfg-weight"),
        (("destination", "prefix"), "--prefix"),
        (("chapters", 3), "--chapters"),
        (("spoken", 0), "--read"),
        (("outputs", 0), "--format"),
        (("limits", "streams"), "--streams"),
        (("pauses", "line_ms"), "/pauses/line_ms"),
    ],
)
def test_a_field_is_named_by_its_option(place: tuple[str | int, ...], option: str) -> None:
    assert name_of(place) == option


def test_a_refused_voice_is_named_by_its_option() -> None:
    assert explain(UnknownVoiceError("there is no voice x")) == "--voice: there is no voice x"


def test_all_refused_fields_are_named() -> None:
    error = FieldsError([{"pointer": "/name", "detail": "a"}, {"pointer": "/owner", "detail": "b"}])
    assert explain(error) == "NAME: a; --owner: b"
