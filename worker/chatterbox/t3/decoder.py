"""Continuous batching for T3: rows join and leave while others continue.

    slots = decoder.prefill(prompts)          # at most decoder.free of them; join() for one
    tokens = decoder.step()                   # {slot: next token} for every slot not yet done
    for slot in decoder.done():               # generated STOP, reached its limit, or broke
        tokens = decoder.release(slot)        # or drop(slot), to discard them

A row's tokens depend on its own prompt only, whatever shares the batch (up to rounding).
Used by one thread at a time.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import linear
from torch.nn.utils.rnn import pad_sequence

from narration.errors import SpeechError
from worker.chatterbox.config import ACOUSTIC_TOKENS, START_SPEECH, STOP_SPEECH, T3Config
from worker.chatterbox.t3.cache import Cache
from worker.chatterbox.t3.conditioning import collate
from worker.chatterbox.t3.model import T3
from worker.chatterbox.t3.prompt import Prompt, SpeechTokens
from worker.chatterbox.t3.sampling import Sampling, Settings, choose, make_noise

# Acoustic tokens, START and STOP. Nothing can decode the 1,631 ids above, so they get no logits.
_READABLE = ACOUSTIC_TOKENS + 2


@dataclass(slots=True, kw_only=True)
class _Row:
    """A slot's state; `length` counts the cached positions of its one or two cache rows."""

    slot: int
    sampling: Sampling
    noise: Tensor
    length: int
    tokens: list[int] = field(default_factory=list)
    is_broken: bool = False

    @property
    def is_guided(self) -> bool:
        return self.sampling.guidance != 0

    @property
    def is_stopped(self) -> bool:
        return self.tokens[-1:] == [STOP_SPEECH]

    @property
    def is_done(self) -> bool:
        return self.is_broken or self.is_stopped or len(self.tokens) == len(self.noise)


@dataclass(frozen=True, slots=True)
class _Stream:
    """One cache row: a slot has one, or with guidance two."""

    row: _Row
    is_unconditional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Tensors per batch, rebuilt only when rows join or leave.

    Shapes: (n,) over cache rows, the rest (R,).
    """

    row_of: Tensor  # (n,) the slot among R of each cache row
    slots: Tensor
    plain: Tensor
    unconditional: Tensor  # equals `plain` where guidance is 0
    guidance: Tensor  # (R, 1)
    settings: Settings


class Decoder:
    """Decodes up to `slots` utterances at once, with the model's device and dtype."""

    group = 1  # free slots that are filled together: one at a time costs no more

    def __init__(self, model: T3, slots: int) -> None:
        weight = model.speech_head.weight
        self._model = model
        self._device = weight.device
        self._cache = self._make_cache(slots)
        self._owners: list[_Stream] = []  # the streams of the live cache rows, in order
        self._rows: dict[int, _Row] = {}
        self._free = list(range(slots))
        self._seen = torch.zeros(slots, _READABLE, dtype=torch.bool, device=weight.device)
        self._batch: _Batch | None = None

    @property
    def free(self) -> int:
        """Slots that `prefill` may fill now."""
        return len(self._free)

    def is_step_full(self, _: Prompt) -> bool:
        """Return False: a step may read any number of prompts."""
        return False

    def join(self, prompt: Prompt) -> int:
        """Read one prompt; see `prefill`."""
        return self.prefill([prompt])[0]

    @torch.inference_mode()
    def prefill(self, prompts: Sequence[Prompt]) -> list[int]:
        """Read prompts; `step` then generates their tokens.

        Raises: SpeechError if a prompt or its limit exceeds the position tables; then none joins.
        """
        if len(prompts) > self.free:
            raise ValueError(f"{len(prompts)} prompts, but {self.free} free slots")
        for prompt in prompts:
            _check(prompt, self._model.config)
        if not prompts:
            return []
        rows = [self._admit(prompt) for prompt in prompts]
        streams = [
            (row, prompt, is_unconditional)
            for row, prompt in zip(rows, prompts, strict=True)
            for is_unconditional in ((False, True) if row.is_guided else (False,))
        ]
        inputs = self._embed([p for _, p, _ in streams], [u for _, _, u in streams])
        self._cache.reserve(inputs.shape[1])
        positions = torch.arange(inputs.shape[1], device=self._device).expand(len(streams), -1)
        self._model.tfmr(inputs, positions, self._cache.prefill(len(self._owners)))
        self._owners += [_Stream(row, is_second) for row, _, is_second in streams]
        self._rows |= {row.slot: row for row in rows}
        self._batch = None
        return [row.slot for row in rows]

    @torch.inference_mode()
    def step(self, _: Collection[int] = ()) -> dict[int, int]:
        """Generate one token in every slot that is not done and return it, STOP_SPEECH too.

        A slot whose numbers are not finite gets none and is done.
        """
        if not (rows := self._active()):
            return {}
        batch = self._batch = self._batch or self._collate(rows)
        logits = self._logits(self._advance(rows, batch), batch)
        noise = torch.stack([row.noise[len(row.tokens)] for row in rows]).to(self._device)
        chosen = choose(logits, self._seen[batch.slots], batch.settings, noise)
        self._seen[batch.slots, chosen] = True
        # A NaN anywhere in a row reaches all of its logits.
        finite = logits[:, STOP_SPEECH].isfinite().tolist()
        for row, token, is_finite in zip(rows, chosen.tolist(), finite, strict=True):
            row.is_broken = not is_finite
            if is_finite:
                row.tokens.append(token)
            if row.is_done:
                self._free_cache(row)
        return {row.slot: row.tokens[-1] for row in rows if not row.is_broken}

    def done(self) -> list[int]:
        """Return the finished slots that wait for `release`."""
        return [slot for slot, row in self._rows.items() if row.is_done]

    @torch.inference_mode()
    def release(self, slot: int) -> SpeechTokens:
        """Free a slot, done or not, and return the tokens so far.

        Raises: SpeechError if the slot's numbers are not finite; it is freed even then.
        """
        row = self._take_out(slot)
        if row.is_broken:
            raise SpeechError("the model's numbers are not finite: try another seed or voice")
        tokens = row.tokens[:-1] if row.is_stopped else row.tokens
        return SpeechTokens(
            tokens=torch.tensor(tokens, dtype=torch.int64), is_truncated=not row.is_stopped
        )

    @torch.inference_mode()
    def drop(self, slot: int) -> None:
        """Free a slot, done or not, and discard its tokens."""
        self._take_out(slot)

    def close(self) -> None:
        """Free the keys and values; the caller owns the model."""
        self._rows.clear()
        self._owners.clear()
        self._cache = self._make_cache(slots=0)

    def _make_cache(self, slots: int) -> Cache:
        dtype = self._model.speech_head.weight.dtype
        return Cache(self._model.config, 2 * slots, device=self._device, dtype=dtype)

    def _take_out(self, slot: int) -> _Row:
        row = self._rows.pop(slot)
        if not row.is_done:
            self._free_cache(row)
        self._free.append(slot)
        return row

    def _admit(self, prompt: Prompt) -> _Row:
        config, slot = self._model.config, self._free.pop()
        self._seen[slot] = False
        self._seen[slot, START_SPEECH] = True
        return _Row(
            slot=slot,
            sampling=prompt.sampling,
            noise=make_noise(prompt.sampling.seed, _limit(prompt, config)),
            length=config.conditioning_length + len(prompt.text_tokens) + 1,
        )

    def _embed(self, prompts: Sequence[Prompt], is_unconditional: list[bool]) -> Tensor:
        """Run the prompts up to the first START; `step` feeds the second one."""
        texts = [torch.tensor(prompt.text_tokens) for prompt in prompts]
        ones = torch.ones(len(prompts), dtype=torch.int64, device=self._device)
        inputs, _ = self._model.embed_rows(
            pad_sequence(texts, batch_first=True).to(self._device),
            START_SPEECH * ones[:, None],
            collate([p.voice for p in prompts], [p.exaggeration for p in prompts], self._device),
            text_lengths=torch.tensor([len(text) for text in texts], device=self._device),
            speech_lengths=ones,
            is_unconditional=torch.tensor(is_unconditional, device=self._device),
        )
        return inputs

    def _active(self) -> list[_Row]:
        return [row for row in self._rows.values() if not row.is_done]

    def _collate(self, rows: list[_Row]) -> _Batch:
        def tensor(values: list[int]) -> Tensor:
            return torch.tensor(values, device=self._device)

        place = {row.slot: index for index, row in enumerate(rows)}
        # Looked up, not assumed adjacent: closing a gap may move a second stream before its first.
        index_of = {(o.row.slot, o.is_unconditional): index for index, o in enumerate(self._owners)}
        plain = [index_of[row.slot, False] for row in rows]
        second = [
            index_of.get((row.slot, True), first) for row, first in zip(rows, plain, strict=True)
        ]
        guidance = [row.sampling.guidance for row in rows]
        return _Batch(
            row_of=tensor([place[owner.row.slot] for owner in self._owners]),
            slots=tensor([row.slot for row in rows]),
            plain=tensor(plain),
            unconditional=tensor(second),
            guidance=torch.tensor(guidance, device=self._device)[:, None],
            settings=Settings.collate([row.sampling for row in rows], self._device),
        )

    def _advance(self, rows: list[_Row], batch: _Batch) -> Tensor:
        """Feed every row its latest token. Shape: (n, D), after the final norm."""
        tokens = [row.tokens[-1] if row.tokens else START_SPEECH for row in rows]
        steps = [len(row.tokens) for row in rows]
        inputs = self._model.embed_speech(
            torch.tensor(tokens, device=self._device), torch.tensor(steps, device=self._device)
        )
        lengths = [o.row.length + len(o.row.tokens) for o in self._owners]
        positions = torch.tensor(lengths, device=self._device)
        self._cache.reserve(max(lengths) + 1)
        attend = self._cache.decode(positions, max(lengths) + 1)
        hidden: Tensor = self._model.tfmr(inputs[batch.row_of][:, None], positions[:, None], attend)
        return hidden[:, 0]

    def _logits(self, hidden: Tensor, batch: _Batch) -> Tensor:
        """Return guided logits of each slot without START. Shapes: hidden (n, D) -> (R, readable).

        Applying guidance before the linear head gives the same result and halves its work.
        """
        plain = hidden[batch.plain].float()
        difference = plain - hidden[batch.unconditional].float()
        guided = (plain + batch.guidance * difference).to(hidden.dtype)
        logits = linear(guided, self._model.speech_head.weight[:_READABLE]).float()
        logits[:, START_SPEECH] = float("-inf")
        return logits

    def _free_cache(self, row: _Row) -> None:
        """Free a slot's cache rows; the last rows move into the gap."""
        for index in reversed([i for i, owner in enumerate(self._owners) if owner.row is row]):
            last = len(self._owners) - 1
            if row.is_broken:
                self._cache.clear(index)
            if index != last:
                self._cache.move(last, index)
            self._owners[index] = self._owners[last]
            self._owners.pop()
        self._batch = None


def _limit(prompt: Prompt, config: T3Config) -> int:
    return config.max_new_tokens if prompt.max_new_tokens is None else prompt.max_new_tokens


def _check(prompt: Prompt, config: T3Config) -> None:
    if len(prompt.text_tokens) > config.text_positions:
        raise SpeechError(
            f"the text has {len(prompt.text_tokens)} text tokens, the model reads "
            f"{config.text_positions} at most: split it into shorter chunks"
        )
    if not 0 < _limit(prompt, config) < config.speech_positions:
        raise SpeechError(
            f"max_new_tokens is {_limit(prompt, config)}, the model speaks 1 to "
            f"{config.speech_positions - 1}: choose a limit in between"
        )
