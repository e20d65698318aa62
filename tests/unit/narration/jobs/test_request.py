import pytest
from pydantic import ValidationError

from narration.jobs.request import JobSettings, OutputFormat


def test_settings_survive_the_database() -> None:
    settings = JobSettings(seed=7, outputs=(OutputFormat.MP3,), labels={"a": "b"}, loudness=None)
    assert JobSettings.model_validate(settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize(
    "fields",
    [
        {"voise": "default"},
        {"delivery": {"exageration": 1}},
        {"outputs": ["aiff"]},
        {"max_chars": 5},
        {"delivery": {"temperature": float("nan")}},
        {"english": "scots"},
        {"seed": -1},
        {"seed": 2**63},
        {"priority": 10},
        {"priority": False},
        {"delivery": {"min_p": "0.1"}},
        {"quality": {"policy": "lenient"}},
        {"spoken": ["footnotes"]},
        {"other_language": "maybe"},
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        JobSettings.model_validate(fields)


def test_format_named_twice_is_delivered_once() -> None:
    settings = JobSettings.model_validate({"outputs": ["mp3", "wav", "mp3"]})
    assert settings.outputs == (OutputFormat.MP3, OutputFormat.WAV)


def test_equal_requests_have_equal_seeds() -> None:
    assert JobSettings().seed == JobSettings().seed


def test_reasons_without_words_are_refused_with_those_that_have_some() -> None:
    with pytest.raises(ValidationError, match=r"markup cannot be read aloud: choose among .*note"):
        JobSettings.model_validate({"spoken": ["note", "markup"]})


def test_reasons_in_another_order_are_the_same_request() -> None:
    first = JobSettings.model_validate({"spoken": ["note", "code", "note"]})
    assert first == JobSettings.model_validate({"spoken": ["code", "note"]})
