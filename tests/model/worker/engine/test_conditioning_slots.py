import asyncio
from collections.abc import Awaitable, Callable

import pytest

from narration.errors import SpeechError
from tests.model.worker.engine.toy import toy_voice
from worker.chatterbox.t3.vllm_layout import ConditioningSlot
from worker.chatterbox.voice import Voice
from worker.engine.conditioning_slots import ConditioningSlots

VOICES = [toy_voice(number) for number in range(4)]


class Bank:
    """Remembers what was written where."""

    def __init__(self) -> None:
        self.writes: list[tuple[int, str, float]] = []
        self.fails = False

    async def fill(self, row: int, voice: Voice, exaggeration: float) -> None:
        await asyncio.sleep(0)
        if self.fails:
            raise SpeechError("not finite")
        self.writes.append((row, voice.digest, exaggeration))


def run(rows: int, scenario: Callable[[ConditioningSlots, Bank], Awaitable[None]]) -> None:
    async def main() -> None:
        bank = Bank()
        await scenario(ConditioningSlots(rows, bank.fill), bank)

    asyncio.run(asyncio.wait_for(main(), 20))


async def borrow(slots: ConditioningSlots, voice: Voice, exaggeration: float) -> ConditioningSlot:
    async with slots.lend(voice, exaggeration) as slot:
        return slot


def test_voice_and_exaggeration_are_written_once() -> None:
    async def scenario(slots: ConditioningSlots, bank: Bank) -> None:
        lent = await asyncio.gather(*(borrow(slots, VOICES[0], 0.5) for _ in range(9)))
        assert len(set(lent)) == len(bank.writes) == 1
        assert (await borrow(slots, VOICES[0], 0.7)).row != lent[0].row

    run(3, scenario)


def test_row_goes_to_a_new_tenant_under_a_new_serial() -> None:
    async def scenario(slots: ConditioningSlots, bank: Bank) -> None:
        lent = [await borrow(slots, VOICES[number % 4], 0.5) for number in range(12)]
        assert {slot.row for slot in lent} == {0, 1}
        assert len({slot.serial for slot in lent}) == len(bank.writes) == 12

    run(2, scenario)


def test_least_recently_used_row_goes_first() -> None:
    async def scenario(slots: ConditioningSlots, bank: Bank) -> None:
        first, _ = [await borrow(slots, VOICES[number], 0.5) for number in (0, 1)]
        await borrow(slots, VOICES[0], 0.5)
        await borrow(slots, VOICES[2], 0.5)
        assert await borrow(slots, VOICES[0], 0.5) == first

    run(2, scenario)


def test_row_in_use_is_waited_for() -> None:
    async def scenario(slots: ConditioningSlots, bank: Bank) -> None:
        async with slots.lend(VOICES[0], 0.5):
            other = asyncio.ensure_future(borrow(slots, VOICES[1], 0.5))
            await asyncio.sleep(0.05)
            assert not other.done()
        assert (await other).serial == 1

    run(1, scenario)


def test_row_that_could_not_be_filled_is_free_again() -> None:
    async def scenario(slots: ConditioningSlots, bank: Bank) -> None:
        bank.fails = True
        outcomes = await asyncio.gather(
            *(borrow(slots, VOICES[0], 0.5) for _ in range(3)), return_exceptions=True
        )
        assert all(isinstance(outcome, SpeechError) for outcome in outcomes)
        bank.fails = False
        assert (await borrow(slots, VOICES[0], 0.5)).row == 0
        assert len(bank.writes) == 1

    run(1, scenario)


def test_borrower_who_leaves_while_a_row_is_filled_harms_nobody() -> None:
    async def scenario(slots: ConditioningSlots, bank: Bank) -> None:
        gone = asyncio.ensure_future(borrow(slots, VOICES[0], 0.5))
        stays = asyncio.ensure_future(borrow(slots, VOICES[0], 0.5))
        await asyncio.sleep(0)
        gone.cancel()
        assert (await stays).row == 0
        with pytest.raises(asyncio.CancelledError):
            await gone

    run(1, scenario)
