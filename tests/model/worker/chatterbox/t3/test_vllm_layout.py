import random

import pytest
import torch

from worker.chatterbox.config import START_SPEECH, T3Config
from worker.chatterbox.t3.vllm_layout import (
    DIGITS,
    MAX_GUIDANCE,
    MAX_PLACES,
    MAX_TEXT_TOKENS,
    SERIAL_DIGITS,
    BankRow,
    PromptHeader,
    PromptLayout,
    decode_guidance,
    encode_guidance,
    pack,
    unpack,
)

LAYOUT = PromptLayout.of(T3Config())
LARGEST = PromptHeader(
    row=0, text_length=MAX_TEXT_TOKENS, guidance_code=encode_guidance(MAX_GUIDANCE)
)


def test_prompt_is_read_back_whatever_was_generated_after_it() -> None:
    pick = random.Random(0)
    for _ in range(50):
        row = BankRow(index=pick.randrange(DIGITS), serial=pick.randrange(DIGITS**3))
        text = [pick.randrange(704) for _ in range(pick.randrange(1, 300))]
        guidance = pick.randrange(401) / 200
        ids = LAYOUT.prompt(row, text, guidance)
        header = PromptHeader(
            row=row.index, text_length=len(text), guidance_code=encode_guidance(guidance)
        )
        assert LAYOUT.read(ids) == header
        assert LAYOUT.read([*ids, 5, 6, 7]) == header
        assert max(ids) < LAYOUT.vocab_size
        assert ids[-2:] == [START_SPEECH] * 2
        assert len(ids) == LAYOUT.conditioning_length + len(text) + 2


def test_prompts_of_two_loans_of_a_row_never_begin_alike() -> None:
    beginnings = {
        tuple(LAYOUT.prompt(BankRow(index=3, serial=serial), [1], 0.5)[:16])
        for serial in (0, 1, DIGITS, DIGITS**2, DIGITS**SERIAL_DIGITS - 1)
    }
    assert len(beginnings) == 5


def test_position_carries_its_three_numbers() -> None:
    positions = torch.arange(MAX_PLACES) + pack(LARGEST)
    assert int(positions.max()) < 2**31
    place, text_length, code = unpack(positions)
    assert torch.equal(place, torch.arange(MAX_PLACES))
    assert set(text_length.tolist()) == {MAX_TEXT_TOKENS}
    assert set(decode_guidance(code).tolist()) == {MAX_GUIDANCE}


def test_guidance_has_steps_of_a_two_hundredth() -> None:
    weights = [step / 200 for step in range(401)]
    codes = [encode_guidance(weight) for weight in weights]
    assert codes == list(range(401))
    assert decode_guidance(torch.tensor(codes)).tolist() == pytest.approx(weights)


def test_longest_request_has_a_place() -> None:
    assert LAYOUT.max_length < MAX_PLACES
    assert LAYOUT.max_text_tokens == MAX_TEXT_TOKENS


def test_prompt_that_vllm_makes_up_to_warm_itself_is_read_as_nothing() -> None:
    for ids in ([], [0], list(range(40))):
        assert LAYOUT.read(ids) == PromptHeader(row=0, text_length=0, guidance_code=0)
