"""A T3 small enough to compare every logit of, with random weights under the official names."""

import random
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file

from worker.chatterbox.config import ACOUSTIC_TOKENS, START_TEXT, STOP_TEXT, StorageConfig, T3Config
from worker.chatterbox.t3.conditioning import collate
from worker.chatterbox.t3.model import T3
from worker.chatterbox.t3.prompt import Prompt
from worker.chatterbox.t3.sampling import Sampling
from worker.chatterbox.t3.vllm_folder import write_vllm_folder
from worker.chatterbox.voice import Voice, make_voice

ENGLISH = T3Config(
    width=64,
    layers=3,
    heads=2,
    kv_heads=2,
    ffn_width=160,
    text_positions=256,
    speech_positions=320,
    prompt_tokens=20,
    speaker_width=16,
    perceiver_heads=2,
    max_new_tokens=90,
)
MULTILINGUAL = replace(ENGLISH, text_vocab=2454)
BANK_ROWS = 4


def toy_t3(config: T3Config) -> T3:
    """Return weights large enough for varied greedy tokens, and norms of normal size."""
    torch.manual_seed(0)
    model = T3(config)
    for name, parameter in model.named_parameters():
        fan_in = parameter.shape[-1]
        if "norm" in name:
            parameter.data = 1 + 0.1 * torch.randn_like(parameter)
        elif "emb" in name:
            parameter.data = 0.7 * torch.randn_like(parameter)
        elif "head" in name:
            parameter.data = 0.5 * torch.randn_like(parameter)
        else:
            parameter.data = 1.6 * torch.randn_like(parameter) / fan_in**0.5
    return model.eval().requires_grad_(False)


def write_toy(model: T3, folder: Path) -> Path:
    """Write the official file and the folder that vLLM opens; return the folder."""
    weights = folder / "t3_cfg.safetensors"
    save_file(model.state_dict(), weights)
    storage = StorageConfig()
    return write_vllm_folder(weights, model.config, storage, bank_rows=BANK_ROWS, cache=folder)


def encode_conditioning(model: T3, voice: Voice, exaggeration: float) -> torch.Tensor:
    with torch.inference_mode():
        return model.embed_conditioning(collate([voice], [exaggeration], torch.device("cpu")))[0]


def toy_voice(seed: int) -> Voice:
    generator = torch.Generator().manual_seed(seed)

    def tokens(count: int) -> torch.Tensor:
        return torch.randint(ACOUSTIC_TOKENS, (count,), generator=generator)

    return make_voice(
        speaker=torch.randn(ENGLISH.speaker_width, generator=generator),
        prompt_tokens=tokens(12 + seed % 8),
        reference_tokens=tokens(10),
        reference_mel=torch.randn(20, 80, generator=generator),
        x_vector=torch.randn(192, generator=generator),
    )


def mixed_prompts(count: int, config: T3Config) -> list[Prompt]:
    """Texts of 3 to 60 tokens, three voices, two exaggerations, many guidance values and limits."""
    pick = random.Random(0)
    voices = [toy_voice(number) for number in range(3)]
    return [
        Prompt(
            text_tokens=(
                START_TEXT,
                *(pick.randrange(1, config.text_vocab) for _ in range(pick.randrange(1, 60))),
                STOP_TEXT,
            ),
            voice=pick.choice(voices),
            exaggeration=pick.choice((0.5, 0.5, 1.0)),
            sampling=Sampling(
                guidance=pick.choice((0.0, 0.25, 0.3, 0.5, 0.5, 0.835, 1.0, 2.0)),
                seed=pick.randrange(1 << 40),
                temperature=0.0,
            ),
            max_new_tokens=pick.randrange(8, 80),
        )
        for _ in range(count)
    ]
