"""T3 against upstream's own outputs at toy size; tests/gpu/test_t3.py does it at full size."""

import pytest
import torch
from safetensors.torch import load_file

from tests.goldens.compare_t3 import (
    ROOT,
    Golden,
    equal_sequences,
    load_golden,
    relative_errors,
)
from tests.goldens.t3_cases import WARPS, draw_logits
from worker.chatterbox.t3.sampling import Sampling, Settings, penalize, token_weights

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def golden() -> Golden:
    golden = load_golden(is_full=False)
    assert golden is not None
    return golden


@pytest.mark.parametrize("part", ["perceiver", "conditioning", "logits"])
def test_part_equals_upstreams(golden: Golden, part: str) -> None:
    assert max(relative_errors(golden, part)) <= 1e-5


def test_greedy_sequences_are_upstreams(golden: Golden) -> None:
    assert [index for index, is_equal in enumerate(equal_sequences(golden)) if not is_equal] == []


def test_warped_distribution_is_that_of_the_hf_processors() -> None:
    theirs = load_file(ROOT / "tests/data/goldens/t3.safetensors")["warped"]
    logits = draw_logits()
    seen = torch.zeros_like(logits, dtype=torch.bool)
    for row, (_, tokens) in zip(seen, WARPS, strict=True):
        row[tokens] = True
    settings = Settings.collate(
        [
            Sampling(
                repetition_penalty=w.repetition_penalty,
                temperature=w.temperature,
                min_p=w.min_p,
                top_p=w.top_p,
            )
            for w, _ in WARPS
        ],
        CPU,
    )
    ours = token_weights(penalize(logits, seen, settings.repetition_penalty), settings)
    ours = ours / ours.sum(dim=-1, keepdim=True)
    assert ((ours > 0) == (theirs > 0)).all()
    assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-7)
