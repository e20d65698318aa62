"""Our sampling kernel on a GPU chooses the same tokens as vLLM's sampler.

`pytest tests/gpu/test_vllm_sampler.py`; needs vLLM.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from worker.chatterbox.config import STOP_SPEECH

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

SLOTS, VOCABULARY, PROMPT = 64, 8_194, 40


def make_sampler() -> Any:
    """Make vLLM's sampler with a request in each slot but the last, all with different settings."""
    vllm = pytest.importorskip("vllm")
    from vllm.v1.worker.gpu.sample.sampler import Sampler
    from vllm.v1.worker.gpu.states import RequestState

    device = torch.device("cuda")
    sizes = {"max_num_reqs": SLOTS, "max_model_len": 512, "max_num_batched_tokens": 512}
    states = RequestState(**sizes, num_speculative_steps=0, vocab_size=VOCABULARY, device=device)
    sampler = Sampler(SLOTS, VOCABULARY, device, states)
    draw = np.random.default_rng(0)
    requests = []
    for slot in range(SLOTS - 1):
        params = vllm.SamplingParams(
            temperature=[0.0, 0.8, 1.0, 1.7][slot % 4],
            min_p=[0.05, 0.0, 0.3][slot % 3],
            repetition_penalty=[1.2, 1.0, 2.0][slot // 3 % 3],
            seed=None if slot % 4 == 0 else 2**40 + slot,
            stop_token_ids=[STOP_SPEECH],
            min_tokens=60 * (slot % 2),
            max_tokens=100,
        )
        requests.append((slot, params))
        states.prompt_len.np[slot] = states.prefill_len.np[slot] = PROMPT
        states.all_token_ids.stage_write(slot, 0, draw.integers(0, 6_561, PROMPT).tolist())
    for tensor in (states.prompt_len, states.prefill_len):
        tensor.copy_to_uva()
    states.all_token_ids.apply_write()
    return sampler, requests


def make_batch(slots: list[int], *, last_is_read: bool = True) -> Any:
    """Make the input of a sampler from vLLM's runner: a decoding step of these slots."""
    count = len(slots)
    slots_np = np.array(slots, dtype=np.int32)
    on_card = torch.from_numpy(slots_np).cuda()
    positions = torch.arange(PROMPT, PROMPT + count, device="cuda")
    lengths = (positions + 1).int()
    if not last_is_read:
        lengths[-1] = PROMPT - 1
    return SimpleNamespace(
        num_reqs=count,
        idx_mapping=on_card,
        idx_mapping_np=slots_np,
        expanded_idx_mapping=on_card,
        expanded_local_pos=torch.zeros_like(on_card),
        cu_num_logits=torch.arange(count + 1, device="cuda", dtype=torch.int32),
        cu_num_logits_np=np.arange(count + 1, dtype=np.int32),
        logits_indices=torch.arange(count, device="cuda", dtype=torch.int32),
        positions=positions,
        input_ids=torch.zeros(count, device="cuda", dtype=torch.int32),
        seq_lens=lengths,
    )


def test_takes_the_tokens_that_vllm_takes() -> None:
    from worker.chatterbox.t3.vllm_sampler import OneKernelSampler

    plain, requests = make_sampler()
    ours = OneKernelSampler(plain)
    for slot, params in requests:
        ours.add_request(slot, PROMPT, params)
    ours.apply_staged_writes()
    # Each slot has earlier tokens, which the penalty must take into account.
    history = torch.randint(VOCABULARY, (SLOTS, 20), device="cuda")
    plain.penalties_state.output_bin_counts.scatter_(1, history, 1)
    draw = torch.Generator("cuda").manual_seed(0)
    for _ in range(20):
        logits = 4 * torch.randn(SLOTS - 1, VOCABULARY, device="cuda", generator=draw)
        logits[:, STOP_SPEECH] += 12
        logits[:, STOP_SPEECH + 1 :] = float("-inf")
        batch = make_batch(torch.randperm(SLOTS - 1).tolist(), last_is_read=False)
        taken = ours(logits.bfloat16(), batch)
        expected = plain(logits.bfloat16(), batch)
        assert torch.equal(taken.sampled_token_ids, expected.sampled_token_ids)
        assert taken.num_sampled.tolist() == expected.num_sampled.tolist()
        assert taken.num_rejected.tolist() == expected.num_rejected.tolist()


def test_leaves_to_vllm_what_it_does_not_know() -> None:
    vllm = pytest.importorskip("vllm")
    from worker.chatterbox.t3.vllm_sampler import OneKernelSampler

    plain, _ = make_sampler()
    ours = OneKernelSampler(plain)
    logits = torch.zeros(2, VOCABULARY, device="cuda")
    logits[:, :10] = torch.arange(10.0, device="cuda")
    ours.add_request(0, PROMPT, vllm.SamplingParams(temperature=1.0, top_p=0.01, seed=1))
    ours.add_request(1, PROMPT, vllm.SamplingParams(temperature=1.0, top_p=0.01, seed=2))
    ours.apply_staged_writes()
    assert ours(logits, make_batch([0, 1])).sampled_token_ids.flatten().tolist() == [9, 9]
