"""How settings are compared by what is heard of them."""

import argparse
import math
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from narration.errors import SpeechError
from tests.bench.engine_alone import plan_chunks
from tests.listen import settings
from tests.listen.settings import make_row, measure, parse_delivery
from tests.listen.words import Comparison, compare
from worker.engine.types import Delivery, Speech, Utterance


def test_settings_are_read_by_their_names() -> None:
    assert parse_delivery("temperature=0.6,min_p=0.1") == Delivery(temperature=0.6, min_p=0.1)


@pytest.mark.parametrize("text", ["warmth=1", "temperature", "temperature=hot", ""])
def test_what_is_no_setting_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        parse_delivery(text)


def test_each_paragraph_is_a_chunk() -> None:
    assert plan_chunks("It rains.\n\nWhat did he see?\n") == ["It rains.", "What did he see?"]


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
            waveform = np.full(10, utterance.seed, np.float32)
            future.set_result(
                Speech(
                    tokens=np.zeros(1, np.int64),
                    waveform=waveform,
                    is_truncated=False,
                    is_watermarked=False,
                )
            )
        return future

    def is_alive(self) -> bool:
        return True

    def close(self) -> None:
        pass


def test_each_chunk_is_heard_in_its_place_and_one_that_fails_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hear(said: str, waveform: npt.NDArray[np.float32]) -> Comparison:
        return compare(said, f"it is {int(waveform[0]) + 1000}" if waveform[0] else "")

    monkeypatch.setattr(settings, "hear", hear)
    voice: Any = None
    chunks = [f"it is {number + 1000}" for number in range(700)]  # more than callers
    with ThreadPoolExecutor(4) as listeners:
        heard = measure(_Engine(), voice, chunks, Delivery(), listeners)
    for number, one in enumerate(heard):
        assert one.said == f"it is {number + 1000}"
        assert one.is_missing == (number % 3 == 0 or number % 5 == 0)
        assert one.is_missing or not one.errors
