"""Measure the engine: stages alone, one chunk alone, many at once, at saturation.

    python -m tests.bench.engine --out results.json

Random weights of the official shapes, made on the device; see README.md beside this file.
"""

import argparse
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.bench import rooflines
from tests.bench.figures import by_time, percentiles, resident_gb, steady
from tests.bench.gpu_memory import GpuMemory
from tests.bench.listeners import measure_first_chunk
from tests.bench.synthetic import TOY, Bench, make_prompt, open_bench, utterance, utterances
from tests.bench.turns import turn
from worker.chatterbox.config import FRAMES_PER_TOKEN, TOKEN_RATE_HZ, ChatterboxConfig
from worker.chatterbox.hift.source import draw_noise as draw_source_noise
from worker.chatterbox.s3gen.flow import draw_noise, noise_frames
from worker.engine.options import EngineOptions, ResolvedOptions, resolve
from worker.engine.types import Speech, Utterance

CHUNK_S = 10.0
SOAK_CHUNKS, SOAK_CHUNK_S = 10_000, 1.5
_WARM_UP_S = 2400.0  # of a book, so that graphs of small batches are captured, too
_WARM_UP_CHUNKS = 48  # small batches have other shapes


def main() -> None:
    arguments = make_parser(__doc__, "engine.json").parse_args()
    options = resolve_options(arguments)
    config = TOY if arguments.toy else ChatterboxConfig()
    began = time.perf_counter()
    bench = open_bench(config, options, **overrides(arguments))
    opened_s = time.perf_counter() - began
    bench.engine.submit(utterance(bench.voice, CHUNK_S)).result()
    first_s = time.perf_counter() - began
    while bench.renderer.prepare():  # as the sound stage does while it is idle
        pass
    report: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "torch": torch.__version__,
        "options": {name: str(value) for name, value in asdict(options).items()},
        "start": {
            "opened_s": opened_s,
            "first_chunk_s": first_s,
            "prepared_s": time.perf_counter() - began,
        },
    }
    if arguments.upstream is not None:
        report["upstream"] = json.loads(arguments.upstream.read_text())
    print("  ".join(f"{name} {seconds:.1f}" for name, seconds in report["start"].items()))
    with turn(arguments.turn), GpuMemory() as memory:
        for name in arguments.parts:
            report[name] = PARTS[name](bench, arguments)
            report["memory"] = memory.peak()
            report["roofline"] = rooflines.shares(report, config)
            arguments.out.write_text(json.dumps(report, indent=1))
            # So often, because the machine may be taken away before all parts are done.
            print(rooflines.table(report), flush=True)
    bench.engine.close()


def make_parser(description: str | None, out: str) -> argparse.ArgumentParser:
    """Make the parser of this and the other benches of a whole engine."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, default=Path(out))
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=[name for name in PARTS if name != "soak"]
    )
    parser.add_argument("--attention", help="of T3: FLASH_ATTN or another that vLLM knows")
    parser.add_argument("--kv-cache", help="what T3's cache holds: fp8 or another that vLLM knows")
    parser.add_argument("--precision", choices=["auto", "float32", "bfloat16"], default="auto")
    parser.add_argument("--eager", action="store_true", help="do not compile flow and vocoder")
    parser.add_argument("--gpu-memory-gb", type=float)
    parser.add_argument("--slots", type=int)
    parser.add_argument("--vocoder-batch", type=int)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32, 128, 512])
    parser.add_argument("--sound-batches", type=int, nargs="+", default=[1, 4, 16, 32])
    parser.add_argument("--listeners", type=int, nargs="+", default=[0, 32, 200])
    parser.add_argument("--upstream", type=Path, help="what tests.bench.upstream wrote beside it")
    parser.add_argument("--turn", type=Path, help="measure only while holding this lock file")
    parser.add_argument("--audio-s", type=float, default=12_000, help="length of the book")
    parser.add_argument("--toy", action="store_true", help="tiny sizes: does the bench itself run?")
    return parser


def overrides(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return arguments for vLLM in addition to our own."""
    told = {"attention_backend": arguments.attention, "kv_cache_dtype": arguments.kv_cache}
    return {name: value for name, value in told.items() if value}


def resolve_options(arguments: argparse.Namespace) -> ResolvedOptions:
    return resolve(
        EngineOptions(
            back_end="vllm",
            precision=arguments.precision,
            is_compiled=not arguments.eager,
            gpu_memory_gb=arguments.gpu_memory_gb,
            t3_slots=arguments.slots,
            vocoder_batch=arguments.vocoder_batch,
            queue_limit=1536,  # large enough never to limit the measurement
        )
    )


def measure_tokens(bench: Bench, arguments: argparse.Namespace) -> list[dict[str, float]]:
    """T3 alone: `batch` utterances of 12 s that start together."""
    rows = []
    for batch in arguments.batches:
        prompts = [make_prompt(utterance(bench.voice, 12.0, seed)) for seed in range(batch)]
        began = time.perf_counter()
        futures = [bench.tokens.start(prompt) for prompt in prompts]
        spoken = sum(len(future.result().tokens) for future in futures)
        wall_s = time.perf_counter() - began
        audio_s = spoken / TOKEN_RATE_HZ
        rows.append({"batch": batch, "tokens_per_s": spoken / wall_s, "x": audio_s / wall_s})
    return rows


def measure_sound(bench: Bench, arguments: argparse.Namespace) -> list[dict[str, float]]:
    """Flow, vocoder and watermark alone, batches of 10 s; `host_x` counts drawing noise only."""
    return [sound_row(bench, batch) for batch in arguments.sound_batches]


def sound_row(bench: Bench, batch: int) -> dict[str, float]:
    length = round(CHUNK_S * TOKEN_RATE_HZ)
    tokens = [torch.randint(6561, (length,)) for _ in range(batch)]
    voices = [bench.voice] * batch
    draw = torch.Generator().manual_seed(0)

    def noise() -> tuple[list[Any], list[Any]]:
        frames = noise_frames(length, bench.voice)
        flow = [draw_noise(frames, draw) for _ in range(batch)]
        config = bench.vocoder.config
        return flow, [draw_source_noise(FRAMES_PER_TOKEN * length, config, draw) for _ in tokens]

    flow_noise, source_noise = noise()

    def flow() -> list[torch.Tensor]:
        return bench.flow.generate(tokens, voices, flow_noise)

    with torch.inference_mode():
        mels = flow()
        waveforms = bench.vocoder.synthesize(mels, source_noise)
        audio_s = batch * CHUNK_S
        return {
            "batch": batch,
            "flow_x": audio_s / time_of(flow),
            "hift_x": audio_s / time_of(lambda: bench.vocoder.synthesize(mels, source_noise)),
            "watermark_x": audio_s / time_of(lambda: bench.watermarker.mark(waveforms)),
            "host_x": audio_s / time_of(noise),
        }


def measure_alone(bench: Bench, _: argparse.Namespace) -> dict[str, float]:
    """One 10-second chunk at a time: seconds from text to waveform."""
    seconds = []
    for seed in range(12):
        began = time.perf_counter()
        bench.engine.submit(utterance(bench.voice, CHUNK_S, seed)).result()
        seconds.append(time.perf_counter() - began)
    return percentiles(seconds[2:])


def measure_concurrency(bench: Bench, arguments: argparse.Namespace) -> list[dict[str, float]]:
    """Throughput and latency with `batch` chunks of mixed length in progress."""
    rows = []
    for batch in arguments.batches:
        book = list(islice(utterances(bench.voice, batch), max(8, batch + batch // 2)))
        run_book(bench, iter(book[:_WARM_UP_CHUNKS]), batch)
        finished = run_book(bench, iter(book), batch)
        audio_s = sum(audio for _, audio, _ in finished)
        wall_s = finished[-1][0]
        latency = percentiles([latency for _, _, latency in finished])
        rows.append({"batch": batch, "x": audio_s / wall_s, **latency})
    return rows


def measure_saturation(bench: Bench, arguments: argparse.Namespace) -> dict[str, Any]:
    """A long book; `x` counts all of it, `steady_x` the time without its start and end."""
    run_book(bench, book_of(bench, min(_WARM_UP_S, arguments.audio_s)), 1200)
    cpu_s = time.process_time()
    finished = run_book(bench, book_of(bench, arguments.audio_s), 1200)
    cpu_s = time.process_time() - cpu_s
    wall_s = finished[-1][0]
    return {
        "chunks": len(finished),
        "audio_s": sum(audio for _, audio, _ in finished),
        "wall_s": wall_s,
        "x": sum(audio for _, audio, _ in finished) / wall_s,
        "steady_x": steady(finished),
        "x_by_twentieth": by_time(finished, 20),
        "host_cores": cpu_s / wall_s,
        **percentiles([latency for _, _, latency in finished]),
    }


def measure_soak(bench: Bench, _: argparse.Namespace) -> dict[str, list[float]]:
    """10,000 short chunks: memory after each fifth of them, and the peak on the GPU meanwhile."""
    chunks = (utterance(bench.voice, SOAK_CHUNK_S, seed) for seed in range(SOAK_CHUNKS))
    fifths: dict[str, list[float]] = {"card_peak_gb": [], "card_gb": [], "host_gb": []}
    for _ in range(5):
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        run_book(bench, islice(chunks, SOAK_CHUNKS // 5), 1200)
        fifths["host_gb"].append(resident_gb())
        if torch.cuda.is_available():
            fifths["card_peak_gb"].append(torch.cuda.max_memory_allocated() / 1e9)
            fifths["card_gb"].append(torch.cuda.memory_reserved() / 1e9)
    return fifths


PARTS: dict[str, Callable[[Bench, argparse.Namespace], Any]] = {
    "saturation": measure_saturation,
    "alone": measure_alone,
    "first_chunk": lambda bench, arguments: measure_first_chunk(bench, arguments.listeners),
    "tokens": measure_tokens,
    "concurrency": measure_concurrency,
    "sound": measure_sound,
    "soak": measure_soak,
}


def book_of(bench: Bench, audio_s: float) -> Iterator[Utterance]:
    for chunk in utterances(bench.voice):
        audio_s -= int(chunk.text) / TOKEN_RATE_HZ
        if audio_s < 0:
            return
        yield chunk


def run_book(
    bench: Bench, book: Iterator[Utterance], under_way: int
) -> list[tuple[float, float, float]]:
    """Speak a book with a number of chunks in progress; return time, length, latency of each."""
    places = threading.Semaphore(under_way)
    finished: list[tuple[float, float, float]] = []
    wrong: list[str] = []
    began = time.perf_counter()

    def note(done: Future[Speech], wanted: int, submitted: float) -> None:
        now = time.perf_counter()
        error = done.exception()
        if error is not None:
            wrong.append(repr(error))
        elif len(done.result().tokens) != wanted:
            wrong.append(f"{len(done.result().tokens)} tokens instead of {wanted}")
        finished.append((now - began, wanted / TOKEN_RATE_HZ, now - submitted))
        places.release()

    for chunk in book:
        places.acquire()
        submitted = time.perf_counter()
        future = bench.engine.submit(chunk)
        future.add_done_callback(partial(note, wanted=int(chunk.text), submitted=submitted))
    for _ in range(under_way):
        places.acquire()
    assert not wrong, f"{len(wrong)} chunks failed, the first: {wrong[0]}"
    return sorted(finished)


def time_of(action: Callable[[], Any], repeats: int = 3) -> float:
    """Median seconds of an action, the device's work included."""
    seconds = []
    action()
    for _ in range(repeats):
        synchronize()
        began = time.perf_counter()
        action()
        synchronize()
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds))


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
