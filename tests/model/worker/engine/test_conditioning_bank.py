import pytest

from narration.errors import SpeechError
from tests.model.worker.engine.toy import toy_voice
from worker.chatterbox.t3.vllm_layout import BankRow
from worker.chatterbox.voice import Voice
from worker.engine.conditioning_bank import ConditioningBank

VOICES = [toy_voice(number) for number in range(4)]


class Memory:
    """Remembers what was written to which row."""

    def __init__(self) -> None:
        self.writes: list[tuple[int, str, float]] = []
        self.fails = False

    def fill(self, row: int, voice: Voice, exaggeration: float) -> None:
        if self.fails:
            raise SpeechError("not finite")
        self.writes.append((row, voice.digest, exaggeration))


def use(bank: ConditioningBank, voice: Voice, exaggeration: float = 0.5) -> BankRow:
    row = bank.borrow(voice, exaggeration)
    assert row is not None
    bank.give_back(row)
    return row


def test_voice_and_exaggeration_are_written_once() -> None:
    memory = Memory()
    bank = ConditioningBank(3, memory.fill)
    rows = [bank.borrow(VOICES[0], 0.5) for _ in range(9)]
    assert len(set(rows)) == len(memory.writes) == 1
    other = bank.borrow(VOICES[0], 0.7)
    assert {row.index for row in (rows[0], other) if row} == {row for row, _, _ in memory.writes}
    assert len(memory.writes) == 2


def test_a_row_is_lent_again_under_a_new_serial_number() -> None:
    memory = Memory()
    bank = ConditioningBank(2, memory.fill)
    rows = [use(bank, VOICES[number % 4]) for number in range(12)]
    assert {row.index for row in rows} == {0, 1}
    assert len({row.serial for row in rows}) == len(memory.writes) == 12


def test_least_recently_used_row_goes_first() -> None:
    bank = ConditioningBank(2, Memory().fill)
    first = use(bank, VOICES[0])
    use(bank, VOICES[1])
    use(bank, VOICES[0])
    use(bank, VOICES[2])
    assert use(bank, VOICES[0]) == first


def test_a_row_in_use_is_not_lent_to_another_voice() -> None:
    bank = ConditioningBank(1, Memory().fill)
    first, second = bank.borrow(VOICES[0], 0.5), bank.borrow(VOICES[0], 0.5)
    assert first == second
    for row in (first, second):
        assert row is not None
        assert bank.borrow(VOICES[1], 0.5) is None
        bank.give_back(row)
    assert use(bank, VOICES[1]).serial == 1


def test_a_row_that_could_not_be_filled_is_free_again() -> None:
    memory = Memory()
    bank = ConditioningBank(1, memory.fill)
    memory.fails = True
    for _ in range(3):
        with pytest.raises(SpeechError, match="not finite"):
            bank.borrow(VOICES[0], 0.5)
    memory.fails = False
    assert use(bank, VOICES[0]).index == 0
    assert len(memory.writes) == 1
