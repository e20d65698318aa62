"""T3's sampling on vLLM's second model runner: one kernel instead of vLLM's dozen.

For a single utterance the host limits the speed of a step (docs/performance.md). Each row gets the
same token as from vLLM's own sampler, from the same noise. Needs Triton.
"""

from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra import libdevice
from vllm import SamplingParams
from vllm.v1.worker.gpu.model_states.default import DefaultModelState
from vllm.v1.worker.gpu.sample.output import SamplerOutput

from worker.chatterbox.config import STOP_SPEECH

_WARPS = 8


class T3State(DefaultModelState):  # type: ignore[misc, unused-ignore]
    """The state that vLLM keeps for T3 besides its network, with our sampler."""

    def custom_sampler(self, sampler: Any) -> tuple[Any, Any] | None:
        """Replace vLLM's sampler."""
        return OneKernelSampler(sampler), None


class OneKernelSampler:
    """vLLM's sampler, with our kernel for the options that the service uses.

    Repetition penalty, temperature, min-p, seeds, and a least number of tokens; a batch in which
    any request uses more, such as top-p, uses vLLM's code.
    """

    def __init__(self, plain: Any) -> None:
        self._plain = plain
        self._is_ours = np.ones(plain.sampling_states.max_num_reqs, dtype=bool)
        self._none_rejected = torch.zeros(
            len(self._is_ours), dtype=torch.int32, device=plain.req_states.device
        )
        self._upload()
        self._is_changed = False

    @property
    def penalties_state(self) -> Any:
        """The tokens generated so far in each slot, which vLLM's runner reads."""
        return self._plain.penalties_state

    @property
    def sampling_states(self) -> Any:
        """The settings of each slot."""
        return self._plain.sampling_states

    def add_request(self, slot: int, prompt_length: int, params: SamplingParams) -> None:
        """Set the sampling parameters of a slot."""
        self._plain.add_request(slot, prompt_length, params)
        self._is_ours[slot] = _is_ours(params)
        self._is_changed = True

    def apply_staged_writes(self) -> None:
        """Copy changed settings to the GPU; most steps change none."""
        if self._is_changed:
            self._plain.apply_staged_writes()
            self._upload()
            self._is_changed = False

    def __call__(self, logits: Tensor, batch: Any) -> SamplerOutput:
        """Sample each row's next token.

        Shapes: logits (B, V), minus infinity beyond STOP_SPEECH.
        """
        rows = batch.num_reqs
        if len(logits) != rows or not self._is_ours[batch.idx_mapping_np].all():
            output: SamplerOutput = self._plain(logits, batch)
            return output
        tokens = torch.empty(rows, 1, dtype=torch.int64, device=logits.device)
        sampled = torch.empty(rows, dtype=torch.int32, device=logits.device)
        penalties, states = self._plain.penalties_state, self._plain.req_states
        if not logits.is_contiguous():
            raise ValueError("the kernel reads logits row by row: they must be contiguous")
        _choose[(rows,)](
            logits,
            batch.idx_mapping,
            batch.logits_indices,
            batch.positions,
            batch.seq_lens,
            states.prefill_len.gpu,
            self._settings,
            self._numbers,
            penalties.prompt_bin_mask,
            penalties.output_bin_counts,
            tokens,
            sampled,
            logits.stride(0),
            penalties.prompt_bin_mask.stride(0),
            penalties.output_bin_counts.stride(0),
            STOP_SPEECH,
            triton.next_power_of_2(STOP_SPEECH + 1),
            num_warps=_WARPS,
        )
        return SamplerOutput(
            sampled_token_ids=tokens,
            logprobs_tensors=None,
            num_nans=None,
            num_sampled=sampled,
            num_rejected=self._none_rejected[:rows],
        )

    def _upload(self) -> None:
        states, bias = self._plain.sampling_states, self._plain.logit_bias_state
        penalty = self._plain.penalties_state.repetition_penalty
        may_stop = np.where(bias.num_stop_token_ids.np > 0, bias.min_lens.np, 0)
        device = self._none_rejected.device
        self._settings = _to_card([states.temperature.np, states.min_p.np, penalty.np], device)
        self._numbers = _to_card([states.seeds.np, may_stop.astype(np.int64)], device)


def _is_ours(params: SamplingParams) -> bool:
    asks_for_more = (
        params.top_p != 1.0
        or params.top_k > 0
        or params.frequency_penalty
        or params.presence_penalty
        or params.logit_bias
        or params.allowed_token_ids
        or params.bad_words
        or params.logprobs is not None
    )
    return not asks_for_more and params.all_stop_token_ids <= {STOP_SPEECH}


def _to_card(columns: list[Any], device: torch.device) -> Tensor:
    """Stack columns on the GPU. Shapes: (R,) each -> (R, columns)."""
    rows = torch.from_numpy(np.stack(columns, axis=1)).pin_memory()
    return rows.to(device, non_blocking=True)


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def _choose(  # type: ignore[no-untyped-def, unused-ignore] # noqa: PLR0917, ANN202 - a kernel's arguments are positional and have Triton's own types
    logits_at,  # noqa: ANN001
    slots_at,  # noqa: ANN001
    last_rows_at,  # noqa: ANN001
    positions_at,  # noqa: ANN001
    lengths_at,  # noqa: ANN001
    prompt_lengths_at,  # noqa: ANN001
    settings_at,  # noqa: ANN001
    numbers_at,  # noqa: ANN001
    prompt_bits_at,  # noqa: ANN001
    counts_at,  # noqa: ANN001
    tokens_at,  # noqa: ANN001
    sampled_at,  # noqa: ANN001
    logits_step: tl.constexpr,
    bits_step: tl.constexpr,
    counts_step: tl.constexpr,
    stop: tl.constexpr,
    block: tl.constexpr,
):
    """Sample one row: penalty, temperature, min-p, and the argmax of logits plus Gumbel noise."""
    row = tl.program_id(0).to(tl.int64)
    slot = tl.load(slots_at + row).to(tl.int64)
    position = tl.load(positions_at + tl.load(last_rows_at + row))
    temperature = tl.load(settings_at + 3 * slot)
    min_p = tl.load(settings_at + 3 * slot + 1)
    penalty = tl.load(settings_at + 3 * slot + 2)
    seed = tl.load(numbers_at + 2 * slot)
    may_stop = tl.load(numbers_at + 2 * slot + 1)

    ids = tl.arange(0, block)
    is_id = ids <= stop
    logits = tl.load(logits_at + row * logits_step + ids, mask=is_id, other=float("-inf"))
    logits = logits.to(tl.float32)
    logits = tl.where((ids == stop) & (position + 1 < may_stop), float("-inf"), logits)
    if penalty != 1.0:
        bits = tl.load(prompt_bits_at + slot * bits_step + ids // 32, mask=is_id, other=0)
        counts = tl.load(counts_at + slot * counts_step + ids, mask=is_id, other=0)
        is_seen = (((bits >> (ids % 32)) & 1) != 0) | (counts > 0)
        scale = tl.where(is_seen, penalty, 1.0)
        logits *= tl.where(logits > 0, 1.0 / scale, scale)
    if temperature != 0.0:
        logits = logits / temperature
        if min_p != 0.0:
            threshold = tl.max(logits) + tl.log(min_p)
            logits = tl.where(logits < threshold, float("-inf"), logits)
        uniform = tl.maximum(tl.rand(tl.randint(seed, position), ids), 4.6566127342e-10)
        noise = -tl.log(-libdevice.log1p(-uniform))
        logits = tl.where(is_id, logits + noise, float("-inf"))
    tl.store(tokens_at + row, tl.argmax(logits, axis=0).to(tl.int64))
    # A partly read prompt has no next token yet.
    is_read = tl.load(lengths_at + row) >= tl.load(prompt_lengths_at + slot)
    tl.store(sampled_at + row, is_read.to(tl.int32))
