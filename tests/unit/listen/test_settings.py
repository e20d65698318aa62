"""How settings are compared by what is heard of them."""

import argparse
import math
from concurrent.futures import Future

import pytest

from narration.errors import SpeechError
from tests.listen.settings import make_row, parse_delivery, read_chunks, speak
from tests.listen.words import compare
from worker.engine.types import Delivery, Speech, Utterance


def test_settings_are_read_by_their_names() -> None:
    assert parse_delivery("temperature=0.6,min_p=0.1") == Delivery(temperature=0.6, min_p=0.1)


@pytest.mark.parametrize("text", ["warmth=1", "temperature", "temperature=hot", ""])
def test_what_is_no_setting_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        parse_delivery(text)


def test_each_paragraph_is_a_chunk() -> None:
    assert read_chunks("It rains.\n\nWhat did he see?\n") == ["It rains.", "What did he see?"]


def test_the_difference_has_its_standard_error_over_chunks() -> None:
    said = ["the cat sat", "her dog ran", "we all hid"]
    default = [compare(text, text.replace("cat", "hat").replace("dog", "")) for text in said]
    other = [compare(text, text) for text in said]
    row = make_row("temperature=0.6", "kumo", other, default)
    assert (row.errors, row.words, row.difference) == (0, 9, -2)
    assert row.standard_error == pytest.approx(math.sqrt(2 / 9 * 3))
    assert make_row("default", "kumo", default, default).standard_error == 0


class _Engine:
    """Refuses every third utterance when it is submitted, and fails every fifth later."""

    def submit(self, utterance: Utterance) -> Future[Speech]:
        if utterance.seed % 3 == 0:
            raise SpeechError("refused")
        future: Future[Speech] = Future()
        if utterance.seed % 5 == 0:
            future.set_exception(SpeechError("failed"))
        else:
            future.set_result(utterance.seed)  # type: ignore[arg-type]
        return future

    def is_alive(self) -> bool:
        return True

    def close(self) -> None:
        pass


def test_every_utterance_is_answered_once_whatever_becomes_of_it() -> None:
    asked = [
        Utterance(text="", voice=None, delivery=Delivery(), seed=seed)  # type: ignore[arg-type]
        for seed in range(1000)
    ]
    answers = dict(speak(_Engine(), asked))
    assert sorted(answers) == list(range(1000))
    spoken = {number for number, future in answers.items() if future.exception() is None}
    assert spoken == {number for number in range(1000) if number % 3 and number % 5}
    assert all(answers[number].result() == number for number in spoken)
