"""Measure T3 on plain PyTorch by batch: prompts read and tokens spoken per second.

    python -m tests.bench.t3 --size demo                  # the bundled model's sizes, on the CPU
    python -m tests.bench.t3 --size official --batches 1 4 --steps 20 --device cuda

Random weights; guidance 0.5, so two rows per utterance; texts of 80 text tokens, one or two
sentences. x is audio seconds per second. CPU time is also printed: on a busy machine it is more
reliable than elapsed time.
"""

import argparse
import sys
import time

import torch

from training.sizes import DEMO
from training.tiny_t3 import CONFIG as TINY
from worker.chatterbox.config import START_TEXT, STOP_TEXT, TOKEN_RATE_HZ, T3Config
from worker.chatterbox.t3.decoder import Decoder
from worker.chatterbox.t3.model import T3
from worker.chatterbox.t3.prompt import Prompt
from worker.chatterbox.t3.sampling import Sampling
from worker.chatterbox.voice import make_voice

SIZES = {"tiny": TINY, "demo": DEMO.t3, "official": T3Config()}
TEXT_TOKENS = 80


def make_prompts(config: T3Config, count: int, steps: int) -> list[Prompt]:
    draw = torch.Generator().manual_seed(0)
    voice = make_voice(
        speaker=torch.randn(config.speaker_width, generator=draw),
        prompt_tokens=torch.randint(6561, (config.prompt_tokens,), generator=draw),
        reference_tokens=torch.zeros(2),
        reference_mel=torch.zeros(4, 80),
        x_vector=torch.zeros(192),
    )
    text = torch.randint(1, START_TEXT, (TEXT_TOKENS - 2,), generator=draw).tolist()
    return [
        Prompt(
            text_tokens=[START_TEXT, *text, STOP_TEXT],
            voice=voice,
            sampling=Sampling(seed=seed),
            max_new_tokens=steps,
        )
        for seed in range(count)
    ]


def measure(model: T3, batch: int, steps: int) -> str:
    """A line of the table: a batch of prompts is read, decoded to its end and released."""
    decoder = Decoder(model, batch)
    prompts = make_prompts(model.config, batch, steps)
    began = time.perf_counter()
    slots = decoder.prefill(prompts)
    for slot in slots:
        assert slot >= 0
    read = time.perf_counter()
    used = time.process_time()
    tokens = 0
    while spoken := decoder.step():
        tokens += len(spoken)
    took = time.perf_counter() - read
    rate = tokens / took
    return (
        f"| {batch} | {batch * TEXT_TOKENS / (read - began):,.0f} | {rate:,.0f} | "
        f"{rate / TOKEN_RATE_HZ:.1f}x | {1000 * took * batch / tokens:.2f} | "
        f"{tokens / (time.process_time() - used):,.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="demo")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 8, 16])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)  # as in the engine on two cores
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    model = T3(SIZES[arguments.size]).eval().requires_grad_(False).to(arguments.device)
    measure(model, 2, 5)  # warm-up
    sys.stdout.write(
        "| batch | text tokens/s | tokens/s | x | ms/step | tokens per CPU second |\n"
        "|---|---|---|---|---|---|\n"
    )
    for batch in arguments.batches:
        sys.stdout.write(measure(model, batch, arguments.steps) + "\n")


if __name__ == "__main__":
    main()
