"""Measures the kernels of a step of T3 and of a batch of sound. Table and JSON.

    python -m tests.bench.kernels --batches 1 316 --out kernels.json    # needs a GPU

T3: utterances of 80 tokens that start together, with their prompts; a row is one step. Sound: one
batch of chunks of 3 to 20 s, by kernel, and by the operators of plain PyTorch and their shapes.
"""

import json
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from tests.bench.engine import make_parser, overrides, resolve_options
from tests.bench.synthetic import Bench, make_prompt, open_bench, utterance, utterances
from worker.chatterbox.config import TOKEN_RATE_HZ, ChatterboxConfig
from worker.chatterbox.t3.prompt import SpeechTokens

STEPS = 80
SHOWN = 25


def main() -> None:
    arguments = make_parser(__doc__, "kernels.json").parse_args()
    options = resolve_options(arguments)
    bench = open_bench(ChatterboxConfig(), options, **overrides(arguments))
    report: dict[str, Any] = {"device": torch.cuda.get_device_name()}
    for batch in arguments.batches:
        name = f"T3, {batch} utterances, one step"
        report[name] = show(name, lambda batch=batch: speak_tokens(bench, batch), STEPS)
    name = f"sound, {options.vocoder_batch} chunks"
    report[name] = show(name, lambda: make_sound(bench, options.vocoder_batch), 1)
    name += ", plain operators"
    report[name] = show(name, lambda: make_sound(bench, options.vocoder_batch), 1, is_by_shape=True)
    arguments.out.write_text(json.dumps(report, indent=1))
    bench.engine.close()


def speak_tokens(bench: Bench, batch: int) -> None:
    seconds = STEPS / TOKEN_RATE_HZ
    prompts = [make_prompt(utterance(bench.voice, seconds, seed)) for seed in range(batch)]
    for future in [bench.tokens.start(prompt) for prompt in prompts]:
        future.result()


def make_sound(bench: Bench, batch: int) -> None:
    many = list(islice(utterances(bench.voice, 5), batch))
    draw = torch.Generator().manual_seed(0)
    speech_tokens = [
        SpeechTokens(
            tokens=torch.randint(6561, (int(one.text),), generator=draw), is_truncated=False
        )
        for one in many
    ]
    bench.renderer.render(many, speech_tokens)


def show(
    name: str, action: Callable[[], None], parts: int, *, is_by_shape: bool = False
) -> dict[str, Any]:
    """Profile an action after a warm-up; times are divided by the number of its equal parts."""
    action()
    activities = [ProfilerActivity.CUDA, *([ProfilerActivity.CPU] if is_by_shape else [])]
    torch.cuda.synchronize()
    began = time.perf_counter()
    with profile(activities=activities, record_shapes=is_by_shape) as found:
        action()
        torch.cuda.synchronize()
        wall_ms = 1e3 * (time.perf_counter() - began) / parts
    rows = sorted(
        (
            (event.self_device_time_total / 1e3 / parts, event.count / parts, label(event))
            for event in found.key_averages(group_by_input_shape=is_by_shape)
            if event.key.startswith("aten::") or not is_by_shape
        ),
        reverse=True,
    )
    card_ms, kernels = sum(row[0] for row in rows), sum(row[1] for row in rows)
    print(f"{name}: {card_ms:.2f} ms on the card of {wall_ms:.2f}, {kernels:.0f} kernels")
    for ms, count, key in rows[:SHOWN]:
        print(f"  {ms:9.3f} ms {100 * ms / card_ms:5.1f} %  x{count:6.0f}  {key[:90]}", flush=True)
    return {"wall_ms": wall_ms, "card_ms": card_ms, "kernels": kernels, "rows": rows[: 2 * SHOWN]}


def label(event: Any) -> str:
    return f"{event.key} {event.input_shapes or ''}".strip()


if __name__ == "__main__":
    main()
