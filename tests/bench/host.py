"""Measures the CPU time of T3 and the sound stage: `python -m tests.bench.host --slots 316`.

For a step with all slots taken: the CPU time of its parts, which run while the GPU computes and
hold the interpreter lock, and of the whole. For a batch of sound that was rendered twice before:
CPU time and elapsed time. Medians. On a GPU the networks have the real sizes; on a CPU they are
tiny, and the times include their computations.
"""

import json
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from tests.bench.engine import make_parser, overrides, resolve_options
from tests.bench.kernels import make_sound
from tests.bench.synthetic import TOY, make_prompt, open_bench, utterance
from worker.chatterbox.config import TOKEN_RATE_HZ, ChatterboxConfig

STEPS = 100
STEADY = slice(40, 90)
BATCHES = 5


def main() -> None:
    arguments = make_parser(__doc__, "host.json").parse_args()
    options = resolve_options(arguments)
    config = ChatterboxConfig() if torch.cuda.is_available() else TOY
    bench = open_bench(config, options, **overrides(arguments))
    engine: Any = bench.tokens._decoder._engine
    core = engine.engine_core.engine_core
    seconds: dict[str, list[float]] = defaultdict(list)
    wholes: list[float] = []
    engine.step = timed(engine.step, wholes, time.thread_time)
    parts = {
        "schedule": (core.scheduler, "schedule"),
        "take results": (core.scheduler, "update_from_output"),
        "answer": (engine.output_processor, "process_outputs"),
    }
    for name, (owner, method) in parts.items():
        setattr(owner, method, timed(getattr(owner, method), seconds[name]))
    said_s = STEPS / TOKEN_RATE_HZ
    spoken = [utterance(bench.voice, said_s, seed) for seed in range(options.t3_slots)]
    for future in [bench.tokens.start(make_prompt(one)) for one in spoken]:
        future.result()
    seconds["whole step, of a core"] = wholes
    figures = {name: 1e3 * float(np.median(found[STEADY])) for name, found in seconds.items()}
    for name, ms in figures.items():
        print(f"{name}: {ms:.2f} ms a step of {options.t3_slots}")
    sound: dict[str, list[float]] = {"of a core": [], "as a whole": []}
    make = timed(make_sound, sound["of a core"], time.thread_time)
    make = timed(make, sound["as a whole"])
    for _ in range(2 + BATCHES):
        make(bench, options.vocoder_batch)
    for name, found in sound.items():
        figures[f"sound, {name}"] = 1e3 * float(np.median(found[2:]))
        print(f"sound, {name}: {figures[f'sound, {name}']:.0f} ms, {options.vocoder_batch} chunks")
    arguments.out.write_text(json.dumps({"slots": options.t3_slots, "ms": figures}, indent=1))
    bench.engine.close()


def timed(
    function: Any, seconds: list[float], clock: Callable[[], float] = time.perf_counter
) -> Any:
    def call(*arguments: Any, **named: Any) -> Any:
        began = clock()
        result = function(*arguments, **named)
        seconds.append(clock() - began)
        return result

    return call


if __name__ == "__main__":
    main()
