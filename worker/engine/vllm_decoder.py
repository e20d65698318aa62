"""T3 on vLLM as a decoder of the token stage: slots over `add_request` and `step`.

Knows vLLM's engine, not T3's network: that is worker.chatterbox.t3.vllm_model.
docs/decisions/0016-one-loop-over-vllm.md says why vLLM runs in this process.
"""

import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor
from vllm import SamplingParams
from vllm.sampling_params import RequestOutputKind

from narration.errors import SpeechError
from worker.chatterbox.config import STOP_SPEECH
from worker.chatterbox.t3.prompt import Prompt, SpeechTokens
from worker.chatterbox.t3.vllm_layout import START_SPEECH_TIMES, BankRow, PromptLayout
from worker.chatterbox.voice import Voice
from worker.engine.conditioning_bank import ConditioningBank

_MAX_SEED = 2**63 - 1
_GROUP = 16  # one slot in this many must be free before utterances join
_BLOCK = 16  # positions of a block of the cache: vLLM's default on a GPU


class VllmEngine(Protocol):
    """The part of vLLM's LLMEngine that is used."""

    engine_core: Any

    def add_request(self, request_id: str, prompt: Any, params: SamplingParams) -> str:
        """Queue a request for the next step; return the id that the engine gives it."""

    def abort_request(self, request_ids: list[str]) -> None:
        """Abort requests."""

    def step(self) -> list[Any]:
        """Run one step and return the outputs of the requests that it finished."""

    def collective_rpc(
        self, method: str, timeout: float | None = None, args: tuple[Any, ...] = ()
    ) -> object:
        """Call a method of vLLM's workers."""


class VllmDecoder:
    """SlotDecoder over vLLM's engine, which runs only during this decoder's steps.

    Utterances should join several at a time, since a step that also reads prompts takes longer, but
    no more than a graph holds: without one, a step of 600 tokens takes as long as 15 others.
    """

    def __init__(
        self,
        engine: VllmEngine,
        layout: PromptLayout,
        encode_conditioning: Callable[[Voice, float], Tensor],
        *,
        slots: int,
        bank_rows: int,
        step_tokens: int = 0,
        sampling: Callable[[Prompt, int], SamplingParams] | None = None,
    ) -> None:
        """Take ownership of an engine; `sampling` replaces `sampling_params`.

        `step_tokens`: of the largest step with prompts that has a graph; 0 if none has.
        """
        self._engine = engine
        self._layout = layout
        self._encode_conditioning = encode_conditioning
        self._slots = slots
        self._sampling = sampling or sampling_params
        self._bank = ConditioningBank(bank_rows, self._fill)
        self._next_slot = (
            itertools.count()
        )  # a slot number stands for one request and is never reused
        self._rows: dict[int, BankRow] = {}  # per slot in use
        self._names: dict[int, str] = {}  # vLLM's own of each request, per slot in use
        self._token_ids: dict[int, Sequence[int]] = {}  # per slot that is done
        self._step_tokens = step_tokens
        self._joining: dict[int, int] = {}  # tokens of prompts that the next step reads, per slot

    @property
    def free(self) -> int:
        """How many slots are not in use."""
        return self._slots - len(self._rows)

    @property
    def group(self) -> int:
        """How many should be free before an utterance joins that can wait."""
        return max(1, self._slots // _GROUP)

    def join(self, prompt: Prompt) -> int | None:
        """Hand a prompt to vLLM; None while no row of the bank is free for its voice.

        Raises: SpeechError if vLLM refuses the prompt or its conditioning is not finite.
        """
        row = self._bank.borrow(prompt.voice, prompt.exaggeration)
        if row is None:
            return None
        slot = next(self._next_slot)
        ids = self._layout.prompt(row, prompt.text_tokens, prompt.sampling.guidance)
        try:
            params = self._sampling(prompt, self._layout.max_new_tokens)
            name = self._engine.add_request(str(slot), {"prompt_token_ids": ids}, params)
        except ValueError as error:
            self._bank.give_back(row)
            raise SpeechError(f"vLLM refused the chunk: {error}") from error
        self._rows[slot], self._names[slot] = row, name
        self._joining[slot] = self._added_tokens(prompt)
        return slot

    def is_step_full(self, prompt: Prompt) -> bool:
        """Tell whether a graph holds the next step, but not with this prompt."""
        rows = len(self._rows)
        tokens = rows - len(self._joining) + sum(self._joining.values())
        is_held = bool(self._joining) and tokens <= self._step_tokens
        # A graph holds half as many requests as tokens: see vllm_graphs.
        return (
            is_held
            and rows < self._step_tokens // 2
            and tokens + self._added_tokens(prompt) > self._step_tokens
        )

    def _added_tokens(self, prompt: Prompt) -> int:
        """Count the tokens that a prompt adds to a step, if its voice was heard before."""
        conditioning = self._layout.conditioning_length % _BLOCK  # the others are cached
        return conditioning + len(prompt.text_tokens) + START_SPEECH_TIMES

    def step(self, only: Collection[int] = ()) -> None:
        """Run one step of vLLM: of all requests, or of `only` some if none joins."""
        self._joining.clear()
        with self._stepping(only):
            outputs = self._engine.step()
        for output in outputs:
            self._token_ids[int(output.request_id)] = output.outputs[0].token_ids

    @contextmanager
    def _stepping(self, only: Collection[int]) -> Iterator[None]:
        """Hide the other running requests from vLLM's scheduler; they keep their state.

        The scheduler leaves requests out of steps itself, so that is nothing new to its model
        runner. But those that are hidden keep their blocks of the cache, too: so all are stepped
        while a request waits to be scheduled or there are few free blocks.
        """
        scheduler = self._engine.engine_core.engine_core.scheduler
        if not only or _is_scarce(scheduler, len(only)):
            yield
            return
        names = {self._names[slot] for slot in only if slot in self._names}
        hidden = [one for one in scheduler.running if one.request_id not in names]
        scheduler.running = [one for one in scheduler.running if one.request_id in names]
        try:
            yield
        finally:
            # The step before may have been the last one of some: vLLM is one step ahead.
            scheduler.running += [one for one in hidden if not one.is_finished()]

    def done(self) -> list[int]:
        """Finished slots that wait for `release`."""
        return list(self._token_ids)

    def release(self, slot: int) -> SpeechTokens:
        """Free a slot that is done and return its tokens."""
        ids = list(self._token_ids.pop(slot))
        self._bank.give_back(self._rows.pop(slot))
        del self._names[slot]
        is_stopped = ids[-1:] == [STOP_SPEECH]
        tokens = ids[:-1] if is_stopped else ids
        return SpeechTokens(
            tokens=torch.tensor(tokens, dtype=torch.int64), is_truncated=not is_stopped
        )

    def drop(self, slot: int) -> None:
        """Abort a slot and discard its tokens."""
        if self._token_ids.pop(slot, None) is None:
            self._engine.abort_request([str(slot)])
        self._joining.pop(slot, None)
        self._bank.give_back(self._rows.pop(slot))
        del self._names[slot]

    def close(self) -> None:
        """Free vLLM's memory on the device."""
        self._engine.engine_core.shutdown()

    def _fill(self, index: int, voice: Voice, exaggeration: float) -> None:
        conditioning = self._encode_conditioning(voice, exaggeration)
        if not bool(torch.isfinite(conditioning).all()):
            raise SpeechError(f"voice {voice.digest[:12]} gives a conditioning that is not finite")
        data = conditioning.detach().to("cpu", torch.float32).contiguous().numpy().tobytes()
        self._engine.collective_rpc("set_conditioning", args=(index, data))


def _is_scarce(scheduler: Any, requests: int) -> bool:
    """Tell whether a request waits for room in the cache, or so many might have to."""
    _, waiting = scheduler.get_request_counts()
    free_blocks = scheduler.kv_cache_manager.block_pool.get_num_free_blocks()
    return bool(waiting) or free_blocks < 2 * requests


def sampling_params(prompt: Prompt, max_new_tokens: int) -> SamplingParams:
    """Convert a prompt's settings to vLLM's, which applies them in upstream's order.

    All tokens of an utterance are returned at once, because it is vocoded as a whole.
    """
    sampling = prompt.sampling
    return SamplingParams(
        temperature=sampling.temperature,
        repetition_penalty=sampling.repetition_penalty,
        min_p=sampling.min_p,
        top_p=sampling.top_p,
        seed=sampling.seed & _MAX_SEED if sampling.temperature else None,
        max_tokens=prompt.max_new_tokens or max_new_tokens,
        stop_token_ids=[STOP_SPEECH],
        detokenize=False,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )
