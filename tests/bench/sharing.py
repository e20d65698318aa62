"""Measure how T3 and the sound stage share a card: one engine that never stops, way after way.

    python -m tests.bench.sharing --out sharing.json
    python -m tests.bench.sharing --toy --settle-s 1 --measure-s 2       # does it run?

A book without end is spoken. Each way is given time to settle and then measured: audio seconds per
second of finished chunks (x) and of T3 alone (t3_x), which must agree where neither stage falls
behind; steps of T3 and batches of sound as the host sees them. `sound on N`: the sound stage keeps
to N multiprocessors (CUDA green contexts), T3 may use all.
"""

import json
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from tests.bench.engine import make_parser, overrides, resolve_options
from tests.bench.synthetic import TOY, Bench, open_bench, utterance, utterances
from worker.chatterbox.config import TOKEN_RATE_HZ, ChatterboxConfig
from worker.chatterbox.cuda_graphs import GraphPool
from worker.chatterbox.s3gen.graphs import GraphedEstimator
from worker.chatterbox.t3.decoder import Spoken
from worker.speech.renderer import share_of
from worker.speech.sound import Waveforms
from worker.speech.types import Speech, Utterance

RAMP_S = 25.0  # until the first utterances have ended and the slots are out of step


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to share; what is left out is as it is by default.

    `switch_s`: how long a thread may keep the interpreter while another wants it.
    """

    name: str
    takes_turns: bool = False
    sound_sms: int | None = None
    switch_s: float = 0.005


WAYS = (
    Way(name="turns", takes_turns=True),
    Way(name="turns, quick switches", takes_turns=True, switch_s=2e-4),
    Way(name="together"),
    Way(name="sound on 112", sound_sms=112),
    Way(name="sound on 104", sound_sms=104),
    Way(name="sound on 96", sound_sms=96),
    Way(name="sound on 96, quick switches", sound_sms=96, switch_s=2e-4),
    Way(name="sound on 80", sound_sms=80),
)


@dataclass
class Notes:
    """What happened, each with its moment: chunks (audio s), steps (s, utterances), batches."""

    chunks: list[tuple[float, float]] = field(default_factory=list)
    steps: list[tuple[float, float, int]] = field(default_factory=list)
    batches: list[tuple[float, float, int]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def main() -> None:
    parser = make_parser(__doc__, "sharing.json")
    parser.add_argument("--settle-s", type=float, default=12.0)
    parser.add_argument("--measure-s", type=float, default=16.0)
    parser.add_argument("--ways", nargs="+", help="names, or beginnings of names")
    arguments = parser.parse_args()
    options = resolve_options(arguments)
    config = TOY if arguments.toy else ChatterboxConfig()
    bench = open_bench(config, options, **overrides(arguments))
    notes = watch(bench)
    stop = feed(bench, notes, 2 * (options.t3_slots + options.vocoder_batch))
    time.sleep(1 if arguments.toy else RAMP_S)
    report: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "slots": options.t3_slots,
        "vocoder_batch": options.vocoder_batch,
        "attention": arguments.attention,
    }
    switch = Switch(bench)
    for way in WAYS:
        if arguments.ways and not any(way.name.startswith(name) for name in arguments.ways):
            continue
        switch.to(way)
        time.sleep(arguments.settle_s)
        report[way.name] = figures(notes, arguments.measure_s)
        print(way.name, json.dumps(report[way.name]), flush=True)
        arguments.out.write_text(json.dumps(report, indent=1))
    stop.set()
    assert not notes.wrong, f"{len(notes.wrong)} chunks failed, the first: {notes.wrong[0]}"
    bench.engine.close(abort=True)


def watch(bench: Bench) -> Notes:
    """Note each step of T3 and each batch of sound from now on."""
    notes = Notes()
    core: Any = bench.tokens._core
    plain_step, plain_render = core._engine.step, bench.renderer.render

    def step() -> Any:
        began = time.perf_counter()
        outputs = plain_step()
        notes.steps.append((began, time.perf_counter() - began, len(core._running)))
        return outputs

    def render(utterances: Sequence[Utterance], spoken: Sequence[Spoken]) -> Waveforms:
        began = time.perf_counter()
        waveforms = plain_render(utterances, spoken)
        ended = time.perf_counter()
        notes.batches.append((ended, ended - began, len(spoken)))
        return waveforms

    core._engine.step = step
    bench.renderer.render = render  # type: ignore[method-assign]
    return notes


def feed(bench: Bench, notes: Notes, under_way: int) -> threading.Event:
    """Keep so many chunks in the engine until told to stop."""
    places, stop = threading.Semaphore(under_way), threading.Event()

    def note(done: Future[Speech], seconds: float) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None and not stop.is_set():
            notes.wrong.append(repr(error))
        notes.chunks.append((time.perf_counter(), seconds))
        places.release()

    def run() -> None:
        for chunk in utterances(bench.voice):
            places.acquire()
            if stop.is_set():
                return
            seconds = int(chunk.text) / TOKEN_RATE_HZ
            future = bench.engine.submit(chunk)
            future.add_done_callback(lambda done, seconds=seconds: note(done, seconds))

    bench.engine.submit(utterance(bench.voice, 3.0)).result()
    threading.Thread(target=run, daemon=True).start()
    return stop


class Switch:
    """Changes how a running engine shares the card."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._sms: int | None = None
        self._shares: list[Any] = [bench.renderer._share]  # each must outlive its streams

    def to(self, way: Way) -> None:
        renderer = self._bench.renderer
        sys.setswitchinterval(way.switch_s)
        renderer._turns.takes_turns = way.takes_turns
        if way.sound_sms == self._sms or not torch.cuda.is_available():
            return
        self._sms = way.sound_sms
        open_stream = share_of(self._bench.flow.device, way.sound_sms)
        self._shares.append(open_stream)
        with renderer._launching:
            renderer._stream = open_stream()
            self._capture_anew(GraphPool(open_stream))

    def _capture_anew(self, pool: GraphPool) -> None:
        """Forget all graphs: they keep the share of the stream they were captured on."""
        flow = self._bench.flow
        flow.fast_estimate = GraphedEstimator(flow.estimator, pool)
        parts: list[Any] = [
            flow.fast_encode,
            self._bench.vocoder.fast_speak,
            self._bench.watermarker.fast_mark,
        ]
        for part in parts:
            part._graphs, part._pool = {}, pool


def figures(notes: Notes, seconds: float) -> dict[str, float]:
    """Measure from now on, so many seconds long."""
    began = time.perf_counter()
    time.sleep(seconds)
    ended = time.perf_counter()

    def within(rows: list[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
        found = [row for row in rows if began <= row[0] < ended]
        return np.array(found, dtype=float) if found else np.zeros((0, 3))

    chunks, steps, batches = (within(r) for r in (notes.chunks, notes.steps, notes.batches))
    return {
        "x": round(chunks[:, 1].sum() / seconds, 1) if len(chunks) else 0.0,
        "t3_x": round(steps[:, 2].sum() / TOKEN_RATE_HZ / seconds, 1) if len(steps) else 0.0,
        "step_ms": round(1e3 * float(np.median(steps[:, 1])), 1) if len(steps) else 0.0,
        "running": round(steps[:, 2].mean(), 1) if len(steps) else 0.0,
        "steps_per_s": round(len(steps) / seconds, 1),
        "batches": len(batches),
        "batch": round(batches[:, 2].mean(), 1) if len(batches) else 0.0,
        "batch_s": round(batches[:, 1].mean(), 3) if len(batches) else 0.0,
    }


if __name__ == "__main__":
    main()
