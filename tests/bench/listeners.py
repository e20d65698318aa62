"""How soon a short chunk is heard, alone and beside listeners who are served in real time."""

import threading
import time
from dataclasses import replace
from typing import Any

import numpy as np

from tests.bench.figures import percentiles
from tests.bench.synthetic import Bench, utterance, utterances
from worker.engine.types import STREAM_PRIORITY, make_turn

SHORT_S = 1.5  # the first chunk of what somebody listens to
MEAN_S = 12.0  # of `utterances`
SETTLE_S, MEASURE_S, PAUSE_S = 2.0, 6.0, 0.2


def measure_first_chunk(bench: Bench, listeners: list[int]) -> list[dict[str, float]]:
    """Seconds from text to waveform of a chunk of 1.5 s, one after the other."""
    return [_measure(bench, count) for count in listeners]


def _measure(bench: Bench, listeners: int) -> dict[str, float]:
    stop = threading.Event()
    load = threading.Thread(target=_listen, args=(bench, listeners, stop))
    load.start()
    time.sleep(SETTLE_S if listeners else 0)
    seconds: list[float] = []
    end = time.perf_counter() + MEASURE_S
    while time.perf_counter() < end:
        began = time.perf_counter()
        first = utterance(bench.voice, SHORT_S, len(seconds))
        bench.engine.submit(replace(first, turn=make_turn(STREAM_PRIORITY, 0))).result()
        seconds.append(time.perf_counter() - began)
        time.sleep(PAUSE_S)
    stop.set()
    load.join()
    return {"listeners": listeners, "mean_s": float(np.mean(seconds)), **percentiles(seconds)}


def _listen(bench: Bench, listeners: int, stop: threading.Event) -> None:
    """Submit speech at the rate that a number of listeners hear it, on a fixed schedule."""
    if not listeners:
        return
    futures: list[Any] = []
    due = time.perf_counter()
    for number, one in enumerate(utterances(bench.voice, seed=listeners), 1):
        chunk = replace(one, turn=make_turn(STREAM_PRIORITY, number, due))
        if stop.wait(max(0.0, due - time.perf_counter())):
            break
        futures.append(bench.engine.submit(chunk))
        due += MEAN_S / listeners
    for future in futures:
        future.result()
