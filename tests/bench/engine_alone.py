"""What the engine alone takes for the chunks of a book: `python -m tests.bench.engine_alone`.

The chunks of `tests.bench.job`'s book, planned as the service plans them, handed to the engine of
a worker by a few threads; nothing is checked, encoded, stored or recorded.
"""

import argparse
import json
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from narration.api_settings import LimitSettings
from narration.jobs.draft import DraftOptions, SourceFile, draft_plan
from narration.jobs.request import JobSettings
from narration.settings import load_settings
from narration.sound.waveform import SAMPLE_RATE_HZ
from tests.bench.service import data_folder
from tests.bench.texts import CHARACTERS_PER_HOUR, make_book
from worker.engine.types import Delivery, SpeechEngine, Utterance, make_turn
from worker.model import load_model
from worker.process import LoadedModel

CALLERS = 8  # `submit` blocks while the engine is full


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="demo", help="a name or a folder")
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--caches", type=Path, help="of the engine, kept from run to run")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    text = make_book(round(options.hours * CHARACTERS_PER_HOUR), options.seed)
    began = time.monotonic()
    with open_model(options.model, options.caches) as model:
        opened_s = time.monotonic() - began
        figures = {"opened_s": opened_s} | speak(model.engine, utterances(model, text))
    sys.stdout.write(f"the engine alone: {json.dumps(figures)}\n")
    if options.out:
        options.out.write_text(json.dumps(figures, indent=1))


@contextmanager
def open_model(name: str, caches: Path | None) -> Iterator[LoadedModel]:
    """Open a model by its name or folder, as a worker does; the engine is closed afterwards."""
    settings = load_settings()
    chosen = settings.model.model_copy(update={"checkpoint": name})
    with tempfile.TemporaryDirectory() as folder:
        data = data_folder(Path(folder), caches)
        model = load_model(settings.model_copy(update={"model": chosen, "data_dir": data}))
        try:
            yield model
        finally:
            model.engine.close()


def plan_chunks(text: str) -> list[str]:
    """Return what the service would speak of a text, chunk by chunk."""
    source = SourceFile(data=text.encode(), name="book.txt", media_type="text/plain")
    draft = draft_plan(LimitSettings(), source, JobSettings(), DraftOptions(segment_chunks=16))
    return [chunk.spoken_text for chunk in draft.chunks]


def utterances(model: LoadedModel, text: str) -> list[Utterance]:
    """Return a model call for each chunk of a text."""
    voice = next(iter(model.bundled.values()))
    return [
        Utterance(
            text=spoken,
            voice=voice,
            delivery=Delivery(),
            seed=number,
            turn=make_turn(5, number),
        )
        for number, spoken in enumerate(plan_chunks(text))
    ]


def speak(engine: SpeechEngine, asked: list[Utterance]) -> dict[str, float]:
    """Speak all of them, after the first as a warm-up, and return how long it took."""
    engine.submit(asked[0]).result()
    waiting: queue.SimpleQueue[Utterance] = queue.SimpleQueue()
    for utterance in asked:
        waiting.put(utterance)
    samples: list[int] = []
    ends: list[float] = []

    def call() -> None:
        pending = []
        while True:
            try:
                pending.append(engine.submit(waiting.get_nowait()))
            except queue.Empty:
                break
            pending[-1].add_done_callback(
                lambda done: (
                    samples.append(done.result().waveform.size),
                    ends.append(time.monotonic()),
                )
            )
            del pending[:-1]
        for future in pending:
            future.result()

    began = time.monotonic()
    callers = [threading.Thread(target=call) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    while len(ends) < len(asked):
        time.sleep(0.05)
    took_s, audio_s = max(ends) - began, sum(samples) / SAMPLE_RATE_HZ
    latest = np.percentile(np.array(ends) - began, [50, 95])
    return {
        "chunks": len(asked),
        "audio_s": audio_s,
        "took_s": took_s,
        "x": audio_s / took_s,
        "half_after_s": float(latest[0]),
        "95_percent_after_s": float(latest[1]),
    }


if __name__ == "__main__":
    main()
