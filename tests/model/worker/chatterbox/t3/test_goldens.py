"""T3 against upstream's own outputs: toy sizes here, official ones where goldens/ was made."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.goldens.t3_cases import COLUMNS, TOY, WARPS, Case, draw_cases, draw_logits
from tests.model.worker.chatterbox.t3.cases import make_prompt, make_t3, make_voices
from worker.chatterbox.config import STOP_SPEECH, T3Config
from worker.chatterbox.t3.conditioning import collate
from worker.chatterbox.t3.generate import generate
from worker.chatterbox.t3.model import T3
from worker.chatterbox.t3.sampling import Sampling, Settings, penalize, warp
from worker.chatterbox.voice import Voice

ROOT = Path(__file__).parents[5]
CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    tensors: dict[str, Tensor]
    network: T3
    voices: list[Voice]
    cases: list[Case]
    tolerance: float

    def assert_close(self, ours: Tensor, name: str) -> None:
        theirs = self.tensors[name]
        assert ours.shape == theirs.shape
        assert (ours - theirs).abs().max() <= self.tolerance * theirs.abs().max(), name


@pytest.fixture(scope="module", params=["toy", "full"])
def golden(request: pytest.FixtureRequest) -> Golden:
    is_full = request.param == "full"
    path = ROOT / ("goldens" if is_full else "tests/data/goldens") / "t3.safetensors"
    if not path.exists():
        pytest.skip("full-size goldens are not made: see docs/model.md")
    config = T3Config() if is_full else TOY
    return Golden(
        tensors=load_file(path),
        network=make_t3(config),
        voices=make_voices(config),
        cases=draw_cases(config, is_full=is_full),
        tolerance=1e-4 if is_full else 1e-5,
    )


@torch.no_grad()
def test_perceiver_summarises_as_upstream(golden: Golden) -> None:
    conditioning = collate(golden.voices, [0.5] * len(golden.voices), CPU)
    tokens = conditioning.prompt_tokens
    prompt = golden.network.embed_speech(tokens, torch.arange(tokens.shape[1]))
    summaries = golden.network.cond_enc.perceiver(prompt, conditioning.prompt_mask)
    for index, summary in enumerate(summaries):
        golden.assert_close(summary, f"perceiver.{index}")


@torch.no_grad()
def test_conditioning_is_upstreams(golden: Golden) -> None:
    conditioning = collate(
        [golden.voices[case.voice] for case in golden.cases],
        [case.exaggeration for case in golden.cases],
        CPU,
    )
    prefixes = golden.network.embed_conditioning(conditioning)
    for index, prefix in enumerate(prefixes):
        golden.assert_close(prefix, f"conditioning.{index}")


@pytest.mark.parametrize("index", range(4))
@torch.no_grad()
def test_logits_of_both_rows_are_upstreams(golden: Golden, index: int) -> None:
    case, theirs = golden.cases[index], golden.tensors[f"logits.{index}"]
    spoken = golden.tensors[f"tokens.{index}"][: len(theirs) - 1]
    logits = golden.network(
        torch.tensor([case.text_tokens] * 2),
        torch.stack([spoken] * 2),
        collate([golden.voices[case.voice]] * 2, [case.exaggeration] * 2, CPU),
        text_lengths=torch.tensor([len(case.text_tokens)] * 2),
        speech_lengths=torch.tensor([len(spoken)] * 2),
        # At guidance 0 upstream is given two conditional rows.
        is_unconditional=torch.tensor([False, case.guidance > 0]),
    )
    golden.assert_close(logits[:, :, COLUMNS].transpose(0, 1), f"logits.{index}")


def test_greedy_sequences_are_upstreams(golden: Golden) -> None:
    prompts = [make_prompt(case, golden.voices) for case in golden.cases]
    for index, spoken in enumerate(generate(golden.network, prompts, slots=6)):
        theirs = golden.tensors[f"tokens.{index}"].tolist()
        ours = spoken.tokens.tolist() + [STOP_SPEECH] * (not spoken.is_truncated)
        assert ours == theirs, golden.cases[index]


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
    ours = warp(penalize(logits, seen, settings.repetition_penalty), settings).softmax(-1)
    assert ((ours > 0) == (theirs > 0)).all()
    assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-7)
