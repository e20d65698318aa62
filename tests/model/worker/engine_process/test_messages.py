"""What both ends say to each other: the voices that they keep, and errors."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narration.errors import (
    FieldsError,
    LimitError,
    RhapsodeError,
    SpeechError,
    UnknownVoiceError,
)
from worker.engine_process.messages import RecentVoices, portable


@given(st.lists(st.integers(0, 6), max_size=60), st.integers(1, 4))
def test_the_other_end_has_every_voice_that_is_not_sent(digests: list[int], kept: int) -> None:
    sender, receiver = RecentVoices(kept), RecentVoices(kept)
    sent = 0
    for digest in map(str, digests):
        voice: Any = f"voice {digest}"
        message = None if digest in sender else voice
        sent += message is not None
        assert sender.use(digest, voice) == voice
        assert receiver.use(digest, message) == voice
    assert sent >= len(set(digests))


def test_a_voice_is_sent_once_while_it_is_among_the_last() -> None:
    voices, voice = RecentVoices(2), _voice()
    voices.use("a", voice)
    voices.use("b", voice)
    voices.use("a", None)
    voices.use("c", voice)
    assert ("a" in voices, "b" in voices, "c" in voices) == (True, False, True)
    with pytest.raises(KeyError):
        voices.use("b", None)


def _voice() -> Any:
    return object()


def test_an_error_arrives_as_it_is() -> None:
    error = portable(SpeechError("split it"))
    assert (type(error), str(error)) == (SpeechError, "split it")


@pytest.mark.parametrize(
    "error",
    [
        LimitError("too many", policy="requests", retry_after_s=1),
        FieldsError([{"pointer": "/text", "detail": "is empty"}]),
        UnknownVoiceError("there is none"),
    ],
)
def test_an_error_that_would_not_arrive_as_it_is_becomes_text(error: RhapsodeError) -> None:
    arrived = portable(error)
    assert type(arrived) is RhapsodeError
    assert str(arrived) == str(error)


def test_a_bug_arrives_with_its_traceback() -> None:
    def fail() -> None:
        raise KeyError("gone")

    with pytest.raises(KeyError) as caught:
        fail()
    arrived = portable(caught.value)
    assert type(arrived) is RuntimeError
    assert "test_messages.py" in str(arrived)
    assert "KeyError: 'gone'" in str(arrived)
