"""T3 on a GPU in plain PyTorch generates the same tokens as upstream, and as on the CPU.

`pytest tests/gpu/test_t3.py`; official sizes too if goldens/ was made.
"""

from dataclasses import replace
from functools import cache

import pytest
import torch

from tests.generate import generate
from tests.goldens.compare_t3 import Golden, equal_sequences, load_golden, relative_errors
from tests.model.worker.chatterbox.t3.cases import make_prompt

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@cache  # drawing half a billion weights takes long, so it is done once
def golden_on(device: str, *, is_full: bool) -> Golden:
    golden = load_golden(is_full=is_full)
    if golden is None:
        pytest.skip("full-size goldens are not made: see docs/model.md")
    return replace(golden, network=golden.network.to(device))


@pytest.mark.parametrize("part", ["perceiver", "conditioning", "logits"])
@pytest.mark.parametrize("is_full", [False, True], ids=["toy", "full"])
def test_part_equals_upstreams(part: str, is_full: bool) -> None:
    assert max(relative_errors(golden_on("cuda", is_full=is_full), part)) <= 1e-4


@pytest.mark.parametrize("is_full", [False, True], ids=["toy", "full"])
def test_greedy_sequences_are_upstreams(is_full: bool) -> None:
    assert all(equal_sequences(golden_on("cuda", is_full=is_full)))


def test_sampled_tokens_are_those_of_the_cpu() -> None:
    here, there = golden_on("cpu", is_full=False), golden_on("cuda", is_full=False)
    prompts = [make_prompt(case, here.voices, temperature=0.8) for case in here.cases]
    said = [
        [spoken.tokens.tolist() for spoken in generate(golden.network, prompts, slots=5)]
        for golden in (here, there)
    ]
    assert said[0] == said[1]
