"""What a step of T3 costs the host beside the card: `python -m tests.bench.host --slots 316`.

A tiny T3 on vLLM, on a CPU or a GPU; scheduling and taking results do not depend on its size. They
run while the card computes, and hold the interpreter. Medians over steps with all slots taken.
"""

import json
import time
from collections import defaultdict
from typing import Any

import numpy as np

from tests.bench.engine import make_parser, overrides, resolve_options
from tests.bench.synthetic import TOY, make_prompt, open_bench, utterance
from worker.chatterbox.config import TOKEN_RATE_HZ

STEPS = 100
STEADY = slice(40, 90)


def main() -> None:
    arguments = make_parser(__doc__, "host.json").parse_args()
    options = resolve_options(arguments)
    bench = open_bench(TOY, options, **overrides(arguments))
    engine: Any = bench.tokens._core._engine
    core = engine.engine_core.engine_core
    seconds: dict[str, list[float]] = defaultdict(list)
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
    figures = {name: 1e3 * float(np.median(found[STEADY])) for name, found in seconds.items()}
    for name, ms in figures.items():
        print(f"{name}: {ms:.2f} ms a step of {options.t3_slots}")
    arguments.out.write_text(json.dumps({"slots": options.t3_slots, "ms": figures}, indent=1))
    bench.engine.close()


def timed(function: Any, seconds: list[float]) -> Any:
    def call(*arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        result = function(*arguments, **named)
        seconds.append(time.perf_counter() - began)
        return result

    return call


if __name__ == "__main__":
    main()
