"""T3 on vLLM compared with T3 on plain PyTorch: tokens, logits, and both guidance streams."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
import torch
from vllm import SamplingParams
from vllm.v1.engine.llm_engine import LLMEngine

from narration.errors import EngineDied
from tests.generate import generate
from tests.vllm.toy import (
    BANK_ROWS,
    ENGLISH,
    MULTILINGUAL,
    encode_conditioning,
    mixed_prompts,
    toy_t3,
    toy_voice,
    write_toy,
)
from worker.chatterbox.config import ACOUSTIC_TOKENS, STOP_SPEECH
from worker.chatterbox.t3.conditioning import collate
from worker.chatterbox.t3.model import T3
from worker.chatterbox.t3.prompt import Prompt, SpeechTokens
from worker.chatterbox.t3.vllm_layout import BankRow, PromptLayout
from worker.engine.options import EngineOptions, resolve
from worker.engine.sharing import share_device
from worker.engine.slot_stage import SlotStage
from worker.engine.vllm_decoder import VllmDecoder
from worker.engine.vllm_open import start_vllm

TIMEOUT_S = 120
SLOTS = 8
ATOL = 1e-3  # of logits
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# Few blocks and few tokens a step: prompts are split and requests preempted.
SCARCITY = {
    "block_size": 32,
    "num_gpu_blocks_override": 16,
    "max_num_batched_tokens": 24,
    "enable_chunked_prefill": True,
    "max_logprobs": -1,
    "disable_log_stats": False,
}


@pytest.fixture(scope="module", params=[ENGLISH, MULTILINGUAL], ids=["english", "multilingual"])
def model(request: pytest.FixtureRequest) -> T3:
    return toy_t3(request.param)


@dataclass(frozen=True, kw_only=True)
class Vllm:
    """An engine, the decoder on it, and a row of the bank that the decoder does not use."""

    engine: LLMEngine
    decoder: VllmDecoder
    model: T3
    layout: PromptLayout
    serials: Iterator[int] = field(default_factory=lambda: itertools.count(1000))

    def logits(self, prompt: Prompt, guidance: float, history: list[int]) -> torch.Tensor:
        """Return the logits of vLLM's model after a prompt, up to a constant. Shape: (V,)."""
        row = BankRow(index=BANK_ROWS - 1, serial=next(self.serials))
        conditioning = encode_conditioning(self.model, prompt.voice, prompt.exaggeration)
        self.engine.collective_rpc(
            "set_conditioning", args=(row.index, conditioning.numpy().tobytes())
        )
        ids = self.layout.prompt(row, prompt.text_tokens, guidance) + history
        params = SamplingParams(temperature=0, max_tokens=1, logprobs=-1, detokenize=False)
        self.engine.add_request(f"logits {row.serial}", {"prompt_token_ids": ids}, params)
        outputs: list[Any] = []
        while not outputs:
            outputs = self.engine.step()
        found = outputs[0].outputs[0].logprobs[0]
        return torch.tensor([found[i].logprob for i in range(self.layout.speech_vocab)])

    def count(self, metric: str) -> int:
        metrics = self.engine.get_metrics()
        return sum(found.value for found in metrics if found.name == metric)


@pytest.fixture(scope="module")
def vllm(model: T3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vllm]:
    folder = write_toy(model, tmp_path_factory.mktemp("toy"))
    layout = PromptLayout.of(model.config)
    options = resolve(
        EngineOptions(device=DEVICE, precision="float32", t3_slots=SLOTS, gpu_memory_gb=8)
    )
    open_stream = share_device(options).open_t3_stream
    engine = start_vllm(folder, layout, options, open_stream, **SCARCITY)
    decoder = VllmDecoder(
        engine,
        layout,
        partial(encode_conditioning, model),
        slots=SLOTS,
        bank_rows=BANK_ROWS - 1,
    )
    yield Vllm(engine=engine, decoder=decoder, model=model, layout=layout)
    decoder.close()


def speak_all(decoder: VllmDecoder, prompts: list[Prompt]) -> list[SpeechTokens]:
    """Decode prompts; each joins as soon as it can. Results are in the order of prompts."""
    waiting = list(enumerate(prompts))
    running: dict[int, int] = {}
    results: dict[int, SpeechTokens] = {}
    while waiting or running:
        for _ in range(min(decoder.free, len(waiting))):
            slot = decoder.join(waiting[0][1])
            if slot is None:
                break
            running[slot] = waiting.pop(0)[0]
        decoder.step()
        results |= {running.pop(slot): decoder.release(slot) for slot in decoder.done()}
    return [results[index] for index in range(len(prompts))]


def test_greedy_tokens_are_the_plain_models_while_requests_come_and_go(
    vllm: Vllm, model: T3
) -> None:
    prompts = mixed_prompts(32, model.config)
    speech_tokens = speak_all(vllm.decoder, prompts)
    expected = generate(model, prompts, slots=SLOTS)
    for said, wanted in zip(speech_tokens, expected, strict=True):
        assert said.tokens.tolist() == wanted.tokens.tolist()
        assert said.is_truncated == wanted.is_truncated
    assert len(set(torch.cat([said.tokens for said in speech_tokens]).tolist())) > 100
    assert vllm.count("vllm:num_preemptions") > 0
    assert vllm.count("vllm:prefix_cache_hits") > 0


@pytest.mark.parametrize("share", [2, 4], ids=["half of the steps", "all steps"])
def test_tokens_do_not_depend_on_steps_in_which_others_stand_still(
    vllm: Vllm, model: T3, share: int
) -> None:
    """So many steps in four are of two requests, while the cache has room for what they need."""
    prompts = mixed_prompts(24, model.config)
    waiting, running, said = list(enumerate(prompts)), {}, {}
    decoder = vllm.decoder
    for number in itertools.count():
        while waiting and decoder.free:
            index, prompt = waiting[0]
            slot = decoder.join(prompt)
            if slot is None:
                break
            running[slot] = waiting.pop(0)[0]
        if not running:
            break
        decoder.step(sorted(running)[:2] if number % 4 < share else ())
        for slot in decoder.done():
            said[running.pop(slot)] = decoder.release(slot)
    expected = generate(model, prompts, slots=SLOTS)
    for index, wanted in enumerate(expected):
        assert said[index].tokens.tolist() == wanted.tokens.tolist()


def streams_on_vllm(vllm: Vllm, prompt: Prompt, history: list[int]) -> torch.Tensor:
    """Return both streams' logits, from guidance 0 (c) and 1 (2c - u). Shape: (2, V)."""
    plain, guided = (vllm.logits(prompt, guidance, history) for guidance in (0.0, 1.0))
    return torch.stack([plain, 2 * plain - guided])[:, READABLE]


def streams_of_reference(model: T3, prompt: Prompt, history: list[int]) -> torch.Tensor:
    """Return the same from the plain model, computed over the whole row. Shape: (2, V)."""
    two = [prompt.voice] * 2
    with torch.inference_mode():
        logits = model(
            torch.tensor([prompt.text_tokens] * 2),
            torch.tensor([history] * 2),
            collate(two, [prompt.exaggeration] * 2, torch.device("cpu")),
            text_lengths=torch.tensor([len(prompt.text_tokens)] * 2),
            speech_lengths=torch.tensor([len(history)] * 2),
            is_unconditional=torch.tensor([False, True]),
        )
    return logits[:, -1, READABLE]


def centre(logits: torch.Tensor) -> torch.Tensor:
    """Subtract the constant by which vLLM's log-probabilities and logits differ."""
    return logits - logits.mean(dim=-1, keepdim=True)


READABLE = [*range(ACOUSTIC_TOKENS), STOP_SPEECH]
HISTORY = [17, 4096, 5, 900, 33]
BASE = Prompt(text_tokens=[255, 9, 20, 31, 42, 0], voice=toy_voice(0))
CHANGES: dict[str, tuple[Prompt, list[int]]] = {
    "nothing": (BASE, HISTORY),
    "an earlier token": (BASE, [18, *HISTORY[1:]]),
    "the length of the history": (BASE, [1, 2, 3, *HISTORY]),
    "the voice": (replace(BASE, voice=toy_voice(1)), HISTORY),
    "the exaggeration": (replace(BASE, exaggeration=1.0), HISTORY),
    "the text's length": (replace(BASE, text_tokens=[255, 9, 20, 0]), HISTORY),
}


@pytest.mark.parametrize("change", CHANGES)
def test_both_streams_see_what_the_plain_model_sees(vllm: Vllm, model: T3, change: str) -> None:
    prompt, history = CHANGES[change]
    expected = centre(streams_of_reference(model, prompt, history))
    found = centre(streams_on_vllm(vllm, prompt, history))
    torch.testing.assert_close(found, expected, atol=ATOL, rtol=1e-4)


@pytest.mark.parametrize("change", [c for c in CHANGES if c != "nothing"])
def test_unconditional_stream_depends_on_more_than_its_last_token(vllm: Vllm, change: str) -> None:
    before, after = (
        centre(streams_on_vllm(vllm, *asked))[1] for asked in (CHANGES["nothing"], CHANGES[change])
    )
    assert (before - after).abs().mean() > 10 * ATOL


def test_unconditional_stream_does_not_hear_the_words(vllm: Vllm) -> None:
    other = replace(BASE, text_tokens=[255, 77, 66, 55, 44, 0])
    before, after = (centre(streams_on_vllm(vllm, p, HISTORY)) for p in (BASE, other))
    assert (before[0] - after[0]).abs().mean() > 0.1
    torch.testing.assert_close(before[1], after[1], atol=ATOL, rtol=1e-4)


def test_ids_without_sound_are_never_sampled(vllm: Vllm) -> None:
    logits = vllm.logits(BASE, 0.5, [])
    unreadable = [i for i in range(vllm.layout.speech_vocab) if i not in set(READABLE)]
    assert (logits[unreadable] == float("-inf")).all()
    assert logits[READABLE].isfinite().all()


def test_abort_fails_what_is_under_way(vllm: Vllm, model: T3) -> None:
    """The last test of the module, because the stage cannot be used afterwards."""
    stage = SlotStage(lambda: vllm.decoder)
    futures = [stage.start(prompt) for prompt in mixed_prompts(12, model.config)]
    stage.abort()
    for future in futures:
        with pytest.raises(EngineDied):
            future.result(TIMEOUT_S)
    assert not stage.is_alive()
