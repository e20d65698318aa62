import threading
from collections.abc import Iterator

import numpy as np
import pytest

from narration.sound.waveform import Waveform
from worker.assembly.sharing import share

COUNT = 50


def blocks(produced: list[int]) -> Iterator[Waveform]:
    for number in range(COUNT):
        produced.append(number)
        yield np.full(10, number, dtype=np.float32)


class Reader:
    """Consumes blocks, slowly, or only a limited number."""

    def __init__(self, *, most: int = COUNT) -> None:
        self.found: list[float] = []
        self._most = most

    def __call__(self, sound: Iterator[Waveform]) -> None:
        for block in sound:
            if len(self.found) == self._most:
                raise ValueError("the disk is full")
            self.found.append(float(block[0]))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_reader_gets_every_block_and_each_is_made_once(count: int) -> None:
    readers, produced = [Reader() for _ in range(count)], list[int]()
    share(blocks(produced), readers)
    assert produced == list(range(COUNT))
    assert all(reader.found == produced for reader in readers)


def test_a_fast_reader_waits_for_a_slow_one() -> None:
    may_go, produced = threading.Event(), list[int]()

    def slow(sound: Iterator[Waveform]) -> None:
        next(sound)
        may_go.wait(5)
        for _ in sound:
            pass

    def fast(sound: Iterator[Waveform]) -> None:
        for number, _ in enumerate(sound):
            if number == 3:
                assert len(produced) < COUNT
                may_go.set()

    share(blocks(produced), [slow, fast])
    assert len(produced) == COUNT


def test_a_reader_that_fails_breaks_off_the_others() -> None:
    whole, produced = Reader(), list[int]()
    with pytest.raises(ValueError, match="full"):
        share(blocks(produced), [whole, Reader(most=3)])
    assert len(produced) < COUNT
    assert len(whole.found) < COUNT


def test_sound_that_cannot_be_made_is_told_as_it_is() -> None:
    def broken() -> Iterator[Waveform]:
        yield np.zeros(10, dtype=np.float32)
        raise LookupError("a chunk is lost")

    with pytest.raises(LookupError, match="lost"):
        share(broken(), [Reader(), Reader()])
