"""Measure S3Gen, HiFT and the watermark without T3: table and JSON.

    python -m tests.bench.s3gen --out s3gen.json            # on a GPU
    python -m tests.bench.s3gen --toy --batches 1 3         # only checks that it runs

Random weights of the official shapes; chunks of 3 to 20 s, 12 on average, behind a 10 s reference.
`--plain` compiles nothing and captures no graph. x is audio seconds per second.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from worker.chatterbox.config import (
    ACOUSTIC_TOKENS,
    FRAMES_PER_TOKEN,
    MEL_BINS,
    TOKEN_RATE_HZ,
    FlowConfig,
    HiftConfig,
)
from worker.chatterbox.cuda_graphs import GraphPool
from worker.chatterbox.hift.source import draw_noise as draw_source_noise
from worker.chatterbox.hift.vocoder import Vocoder
from worker.chatterbox.s3gen.flow import Flow, draw_noise, noise_frames
from worker.chatterbox.s3gen.graphs import accelerate
from worker.chatterbox.s3gen.packing import pack_lengths
from worker.chatterbox.s3gen.solver import guided_lengths
from worker.chatterbox.voice import Voice, make_voice
from worker.chatterbox.watermark import Watermarker

TOY_FLOW = FlowConfig(
    encoder_width=32,
    encoder_heads=2,
    encoder_ffn_width=64,
    encoder_layers=1,
    upsampled_layers=1,
    estimator_width=32,
    estimator_heads=2,
    estimator_head_width=16,
    time_width=128,
    mid_blocks=1,
    transformers_per_block=1,
    steps=2,
)
TOY_HIFT = HiftConfig(base_channels=16, f0_channels=16)
REFERENCE_TOKENS = 250
MEASURE_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Networks:
    """The networks to measure."""

    flow: Flow
    vocoder: Vocoder
    watermarker: Watermarker


def main() -> None:
    arguments = parse()
    torch.manual_seed(0)
    networks = build(arguments)
    rows = []
    for batch in arguments.batches:
        rows.append(measure(networks, batch, largest_s=2.0 if arguments.toy else 20.0))
        write(arguments, rows)
    sys.stdout.write(table(rows) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("s3gen.json"))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="bfloat16")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64, 128])
    parser.add_argument("--toy", action="store_true")
    return parser.parse_args()


def build(arguments: argparse.Namespace) -> Networks:
    """Make the networks with random weights, compiled as requested."""
    flow = Flow(TOY_FLOW if arguments.toy else FlowConfig()).eval().requires_grad_(False)
    vocoder = Vocoder(TOY_HIFT if arguments.toy else HiftConfig()).eval().requires_grad_(False)
    flow, vocoder = flow.to(arguments.device), vocoder.to(arguments.device)
    dtype = getattr(torch, arguments.precision)
    if arguments.plain or not torch.cuda.is_available():
        flow.use_precision(dtype)
    watermarker = Watermarker().eval().requires_grad_(False).to(arguments.device)
    if not arguments.plain and torch.cuda.is_available():
        from worker.chatterbox.hift.fast import accelerate_vocoder

        pool = GraphPool()
        accelerate(flow, dtype, pool)
        accelerate_vocoder(vocoder, pool)
        watermarker.accelerate(pool)
    return Networks(flow=flow, vocoder=vocoder, watermarker=watermarker)


@torch.inference_mode()
def measure(networks: Networks, batch: int, largest_s: float) -> dict[str, float]:
    """Time each stage on one batch of mixed lengths."""
    flow, vocoder = networks.flow, networks.vocoder
    draw = torch.Generator().manual_seed(batch)
    voice = draw_voice(draw)
    lengths = draw_lengths(batch, largest_s)
    tokens = [torch.randint(ACOUSTIC_TOKENS, (n,), generator=draw) for n in lengths]
    voices = [voice] * batch
    noise = [draw_noise(noise_frames(n, voice), draw) for n in lengths]
    source = [draw_source_noise(FRAMES_PER_TOKEN * n, vocoder.config, draw) for n in lengths]
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    mels = flow.generate(tokens, voices, noise)
    waveforms = vocoder.synthesize(mels, source)
    synchronize()
    first_s = time.perf_counter() - began
    stages: dict[str, Callable[[], object]] = {
        "condition": lambda: flow.condition(tokens, voices),
        "flow": lambda: flow.generate(tokens, voices, noise),
        "hift": lambda: vocoder.synthesize(mels, source),
        "watermark": lambda: networks.watermarker.mark(waveforms),
    }
    audio_s = sum(lengths) / TOKEN_RATE_HZ
    seconds = {name: clock(stage) for name, stage in stages.items()}
    return {
        "batch": batch,
        "audio_s": audio_s,
        "first_s": first_s,
        **{f"{name}_s": taken for name, taken in seconds.items()},
        **{f"{name}_x": audio_s / taken for name, taken in seconds.items()},
        "flow_tflops": count_tflop(flow, lengths) / seconds["flow"],
        "peak_gb": torch.cuda.max_memory_allocated() / 1e9 if torch.cuda.is_available() else 0.0,
        "peak_waveform": float(max(row.abs().max() for row in waveforms)),
    }


def draw_voice(draw: torch.Generator) -> Voice:
    return make_voice(
        speaker=torch.zeros(256),
        prompt_tokens=torch.zeros(0),
        reference_tokens=torch.randint(ACOUSTIC_TOKENS, (REFERENCE_TOKENS,), generator=draw),
        reference_mel=torch.randn(REFERENCE_TOKENS * FRAMES_PER_TOKEN, MEL_BINS, generator=draw),
        x_vector=torch.randn(192, generator=draw),
    )


def draw_lengths(batch: int, largest_s: float) -> list[int]:
    """Draw tokens per chunk: 12 s for one chunk alone, else 3 to 20 s."""
    mean, least = 0.6 * largest_s, 0.15 * largest_s
    if batch == 1:
        return [int(mean * TOKEN_RATE_HZ)]
    rng = random.Random(batch)
    return [
        int(rng.triangular(least, largest_s, 1.04 * mean) * TOKEN_RATE_HZ) for _ in range(batch)
    ]


def count_tflop(flow: Flow, lengths: list[int]) -> float:
    """Return the estimator's operations: products with weights, then attention."""
    config = flow.config
    frames = [FRAMES_PER_TOKEN * (REFERENCE_TOKENS + n) for n in lengths]
    packing = pack_lengths(guided_lengths(frames, config.guidance))
    weights = sum(
        weight.numel()
        for name, weight in flow.estimator.named_parameters()
        if weight.dim() > 1 and "time_mlp" not in name and ".mlp." not in name
    )
    blocks = (config.mid_blocks + 2) * config.transformers_per_block
    per_pair = blocks * 2 * config.estimator_heads * config.estimator_head_width
    pairs = sum(length**2 for length in packing.lengths)
    return 2 * config.steps * (weights * len(packing.row) + per_pair * pairs) / 1e12


def clock(stage: Callable[[], object]) -> float:
    """Return the best time of several calls, after a warm-up."""
    stage()
    best, until = float("inf"), time.perf_counter() + MEASURE_S
    while best == float("inf") or time.perf_counter() < until:
        synchronize()
        began = time.perf_counter()
        stage()
        synchronize()
        best = min(best, time.perf_counter() - began)
    return best


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def write(arguments: argparse.Namespace, rows: list[dict[str, float]]) -> None:
    report: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "torch": torch.__version__,
        "precision": arguments.precision,
        "plain": arguments.plain,
        "rows": rows,
    }
    arguments.out.write_text(json.dumps(report, indent=1))


def table(rows: list[dict[str, float]]) -> str:
    names = ["batch", "audio_s", "condition_x", "flow_x", "flow_tflops", "hift_x", "watermark_x"]
    names += ["flow_s", "hift_s", "first_s", "peak_gb"]
    lines = ["  ".join(f"{name:>11}" for name in names)]
    lines += ["  ".join(f"{row[name]:>11.3f}" for name in names) for row in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
