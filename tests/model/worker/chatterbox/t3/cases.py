"""The network and the prompts of tests/goldens/t3_cases.py, as our own types."""

import torch

from tests.goldens.draw import draw_state
from tests.goldens.t3_cases import GAINS, Case, draw_voices
from worker.chatterbox.config import T3Config
from worker.chatterbox.t3.model import T3
from worker.chatterbox.t3.prompt import Prompt
from worker.chatterbox.t3.sampling import Sampling
from worker.chatterbox.voice import Voice, make_voice
from worker.chatterbox.weights import load_strict


def make_t3(config: T3Config) -> T3:
    with torch.device("meta"):
        network = T3(config)
    network.to_empty(device="cpu")
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    load_strict(network, draw_state(shapes, seed=0, gains=GAINS), "drawn weights")
    return network.eval().requires_grad_(False)


def make_voices(config: T3Config) -> list[Voice]:
    return [
        make_voice(
            **voice,
            reference_tokens=torch.zeros(2),
            reference_mel=torch.zeros(4, 80),
            x_vector=torch.zeros(192),
        )
        for voice in draw_voices(config)
    ]


def make_prompt(case: Case, voices: list[Voice], *, temperature: float = 0.0) -> Prompt:
    return Prompt(
        text_tokens=case.text_tokens,
        voice=voices[case.voice],
        exaggeration=case.exaggeration,
        sampling=Sampling(
            guidance=case.guidance, temperature=temperature, seed=len(case.text_tokens)
        ),
        max_new_tokens=case.steps,
    )
