"""T3's inputs, shared by golden maker and tests: sizes, voices, prompts, sampling settings."""

from dataclasses import dataclass

import torch
from torch import Tensor

from worker.chatterbox.config import ACOUSTIC_TOKENS, START_TEXT, STOP_TEXT, T3Config

TOY = T3Config(
    width=64,
    layers=3,
    heads=4,
    kv_heads=4,
    ffn_width=160,
    text_positions=80,
    speech_positions=160,
    speaker_width=24,
)
GAINS = {"speech_head.weight": 4.0}  # so that greedy decoding does not repeat a few tokens
COLUMNS = slice(0, ACOUSTIC_TOKENS, 13)  # of the logits that are stored
GUIDANCE = (0.0, 0.3, 0.5, 1.0)
RUNS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One greedy run."""

    text_tokens: list[int]
    voice: int
    exaggeration: float
    guidance: float
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Warp:
    """One setting of the sampler."""

    repetition_penalty: float
    temperature: float
    min_p: float
    top_p: float


# Setting, and the earlier tokens.
WARPS = [
    (Warp(repetition_penalty=penalty, temperature=temperature, min_p=min_p, top_p=top_p), seen)
    for penalty, seen in ((1.2, [399, 5, 7, 7]), (2.0, [399]), (1.0, [399, 1]))
    for temperature in (0.8, 1.0, 1.7)
    for min_p, top_p in ((0.05, 1.0), (0.0, 0.8), (0.02, 0.95))
]


def draw_logits() -> Tensor:
    """One row per entry of WARPS, the top few far above the rest as in speech."""
    return 3.0 * torch.randn(len(WARPS), 400, generator=torch.Generator().manual_seed(3))


def draw_voices(config: T3Config) -> list[dict[str, Tensor]]:
    """Two voices whose prompts differ in length."""
    draw = torch.Generator("cpu").manual_seed(1)
    return [
        {
            "speaker": torch.randn(config.speaker_width, generator=draw),
            "prompt_tokens": torch.randint(ACOUSTIC_TOKENS, (length,), generator=draw),
        }
        for length in (config.prompt_tokens, 61)
    ]


def draw_cases(config: T3Config, *, is_full: bool) -> list[Case]:
    """Sixteen prompts: every guidance meets short and long texts, and both voices."""
    draw = torch.Generator("cpu").manual_seed(2)
    longest = config.text_positions - 2 if not is_full else 150
    cases = []
    for index in range(RUNS):
        length = 3 + (longest - 3) * index // (RUNS - 1)
        text = torch.randint(1, START_TEXT, (length,), generator=draw).tolist()
        cases.append(
            Case(
                text_tokens=[START_TEXT, *text, STOP_TEXT],
                voice=index // len(GUIDANCE) % 2,
                exaggeration=0.25 * (index % 5),
                guidance=GUIDANCE[index % len(GUIDANCE)],
                steps=10 if is_full else 64,
            )
        )
    return cases
