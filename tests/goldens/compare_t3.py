"""Compares our T3 with its goldens; `python -m tests.goldens.compare_t3` prints a table."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.generate import generate
from tests.goldens.t3_cases import COLUMNS, TOY, Case, draw_cases
from tests.model.worker.chatterbox.t3.cases import make_prompt, make_t3, make_voices
from worker.chatterbox.config import STOP_SPEECH, T3Config
from worker.chatterbox.t3.conditioning import collate
from worker.chatterbox.t3.model import T3
from worker.chatterbox.voice import Voice

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """Upstream's outputs, and our network with the same weights, voices and prompts."""

    is_full: bool
    tensors: dict[str, Tensor]
    network: T3
    voices: list[Voice]
    cases: list[Case]

    @property
    def device(self) -> torch.device:
        return self.network.speech_head.weight.device


def load_golden(*, is_full: bool) -> Golden | None:
    """Read a golden; None if it does not exist."""
    path = ROOT / ("goldens" if is_full else "tests/data/goldens") / "t3.safetensors"
    if not path.exists():
        return None
    config = T3Config() if is_full else TOY
    return Golden(
        is_full=is_full,
        tensors=load_file(path),
        network=make_t3(config),
        voices=make_voices(config),
        cases=draw_cases(config, is_full=is_full),
    )


def relative_errors(golden: Golden, part: str) -> Iterator[float]:
    """Largest difference over largest value, for each golden of this part."""
    compute = {"perceiver": summaries, "conditioning": prefixes, "logits": teacher_forced}[part]
    for name, ours in compute(golden):
        theirs = golden.tensors[name]
        assert ours.shape == theirs.shape, name
        yield ((ours.cpu() - theirs).abs().max() / theirs.abs().max()).item()


@torch.no_grad()
def summaries(golden: Golden) -> Iterator[tuple[str, Tensor]]:
    conditioning = collate(golden.voices, [0.5] * len(golden.voices), golden.device)
    tokens = conditioning.prompt_tokens
    prompt = golden.network.embed_speech(
        tokens, torch.arange(tokens.shape[1], device=golden.device)
    )
    found = golden.network.cond_enc.perceiver(prompt, conditioning.prompt_mask)
    yield from ((f"perceiver.{index}", summary) for index, summary in enumerate(found))


@torch.no_grad()
def prefixes(golden: Golden) -> Iterator[tuple[str, Tensor]]:
    conditioning = collate(
        [golden.voices[case.voice] for case in golden.cases],
        [case.exaggeration for case in golden.cases],
        golden.device,
    )
    found = golden.network.embed_conditioning(conditioning)
    yield from ((f"conditioning.{index}", prefix) for index, prefix in enumerate(found))


@torch.no_grad()
def teacher_forced(golden: Golden) -> Iterator[tuple[str, Tensor]]:
    for index, case in enumerate(golden.cases):
        name = f"logits.{index}"
        if name not in golden.tensors:
            continue
        spoken = golden.tensors[f"tokens.{index}"][: len(golden.tensors[name]) - 1]
        with golden.device:
            logits = golden.network(
                torch.tensor([case.text_tokens] * 2),
                torch.stack([spoken] * 2).to(golden.device),
                collate([golden.voices[case.voice]] * 2, [case.exaggeration] * 2, golden.device),
                text_lengths=torch.tensor([len(case.text_tokens)] * 2),
                speech_lengths=torch.tensor([len(spoken)] * 2),
                # At guidance 0 upstream is given two conditional rows.
                is_unconditional=torch.tensor([False, case.guidance > 0]),
            )
        yield name, logits[:, :, COLUMNS].transpose(0, 1)


def equal_sequences(golden: Golden) -> list[bool]:
    """Return for each prompt whether decoding in a shared batch gives upstream's tokens."""
    prompts = [make_prompt(case, golden.voices) for case in golden.cases]
    spoken = generate(golden.network, prompts, slots=6)
    ours = [one.tokens.tolist() + [STOP_SPEECH] * (not one.is_truncated) for one in spoken]
    return [row == golden.tensors[f"tokens.{index}"].tolist() for index, row in enumerate(ours)]


def main() -> None:
    for is_full in (False, True):
        golden = load_golden(is_full=is_full)
        if golden is None:
            continue
        size = "full" if is_full else "toy"
        for part in ("perceiver", "conditioning", "logits"):
            worst = max(relative_errors(golden, part))
            sys.stdout.write(f"| T3 {part} | {size} | {worst:.1e} |\n")
        equal = equal_sequences(golden)
        sys.stdout.write(f"| T3 greedy sequences | {size} | {sum(equal)} of {len(equal)} equal |\n")


if __name__ == "__main__":
    main()
