"""Which settings are misheard least: `python -m tests.listen.settings TEXT -s temperature=0.6`.

TEXT is a file with a sentence in each paragraph; not those of `tests.listen`, whose figures
would mean less if settings had been chosen on them. Every voice of a model speaks it with its
default settings, and then with each of the others, with the same seeds. The recogniser runs in
other processes meanwhile, since on a GPU listening takes longer than speaking. A difference is
shown with its standard error over chunks.
"""

import argparse
import json
import os
import queue
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from narration.api_settings import LimitSettings
from narration.errors import SpeechError
from narration.jobs.draft import DraftOptions, SourceFile, draft_plan
from narration.jobs.request import JobSettings
from narration.settings import load_settings
from narration.sound.waveform import SAMPLE_RATE_HZ
from tests.bench.service import data_folder
from tests.listen.recogniser import Recogniser
from tests.listen.words import Comparison, compare, error_rate
from worker.engine.types import Delivery, Speech, SpeechEngine, Utterance
from worker.model import load_model
from worker.process import LoadedModel

CALLERS = 8  # `submit` blocks while the engine is full
HELD = 256  # clips that wait to be heard, so that they need no more than some hundred megabytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was heard of one voice with one setting, beside the default settings."""

    setting: str
    voice: str
    errors: int
    words: int
    rate: float
    difference: int
    standard_error: float
    missing: int
    repeated: int


def parse_delivery(text: str) -> Delivery:
    """Read settings like `temperature=0.6,min_p=0.1`."""
    known = {field.name for field in fields(Delivery)}
    values: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        if name not in known:
            names = ", ".join(sorted(known))
            raise argparse.ArgumentTypeError(f"{name!r} is no setting of a delivery: {names}")
        try:
            values[name] = float(value)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{part!r} has no number") from None
    return Delivery(**values)


def read_chunks(text: str) -> list[str]:
    """Return what a job would speak of a text, chunk by chunk."""
    source = SourceFile(data=text.encode(), name="sentences.txt", media_type="text/plain")
    draft = draft_plan(LimitSettings(), source, JobSettings(), DraftOptions(segment_chunks=16))
    return [chunk.spoken_text for chunk in draft.chunks]


def speak(engine: SpeechEngine, asked: Sequence[Utterance]) -> Iterator[tuple[int, Future[Speech]]]:
    """Yield each utterance's number with its speech once that is done; some wait to be taken."""
    waiting: queue.SimpleQueue[tuple[int, Utterance]] = queue.SimpleQueue()
    for numbered in enumerate(asked):
        waiting.put(numbered)
    done: queue.Queue[tuple[int, Future[Speech]]] = queue.Queue()
    room = threading.BoundedSemaphore(HELD)

    def call() -> None:
        while True:
            try:
                number, utterance = waiting.get_nowait()
            except queue.Empty:
                return
            room.acquire()
            failed: Future[Speech] = Future()
            try:
                speech = engine.submit(utterance)
            except Exception as error:  # noqa: BLE001 - whoever takes the result raises it
                failed.set_exception(error)
                speech = failed
            speech.add_done_callback(lambda future, number=number: done.put((number, future)))

    callers = [threading.Thread(target=call, daemon=True) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    for _ in asked:
        yield done.get()
        room.release()


@cache
def _recogniser() -> Recogniser:
    return Recogniser(threads=1)


def hear(said: str, waveform: npt.NDArray[np.float32]) -> Comparison:
    """Transcribe a clip in the calling process. Shapes: waveform (S,) at 24 kHz."""
    return compare(said, _recogniser().transcribe(waveform))


def measure(
    model: LoadedModel,
    voice: str,
    chunks: Sequence[str],
    delivery: Delivery,
    listeners: ProcessPoolExecutor,
) -> list[Comparison]:
    """Speak chunks and return what was heard of each, in order."""
    asked = [
        Utterance(text=text, voice=model.bundled[voice], delivery=delivery, seed=seed)
        for seed, text in enumerate(chunks)
    ]
    heard: dict[int, Future[Comparison]] = {}
    for number, speech in speak(model.engine, asked):
        try:
            waveform = speech.result().waveform
        except SpeechError:  # it is missing
            waveform = np.zeros(SAMPLE_RATE_HZ, np.float32)
        heard[number] = listeners.submit(hear, chunks[number], waveform)
    return [heard[number].result() for number in range(len(chunks))]


def make_row(
    setting: str, voice: str, heard: Sequence[Comparison], default: Sequence[Comparison]
) -> Row:
    """Compare what was heard of the same chunks with two settings."""
    more = [one.errors - other.errors for one, other in zip(heard, default, strict=True)]
    return Row(
        setting=setting,
        voice=voice,
        errors=sum(one.errors for one in heard),
        words=sum(one.words for one in heard),
        rate=error_rate(heard),
        difference=sum(more),
        standard_error=float(np.std(more) * np.sqrt(len(more))),
        missing=sum(one.is_missing for one in heard),
        repeated=sum(one.is_repeated for one in heard),
    )


def show(rows: Sequence[Row]) -> Table:
    table = Table()
    for name in ("setting", "voice", "errors", "words", "", "against the default", "missing",
                 "repeated"):  # fmt: skip
        table.add_column(name, justify="left" if name in {"setting", "voice"} else "right")
    for row in rows:
        counts = (f"{row.errors:,}", f"{row.words:,}", f"{row.rate:.1%}")
        difference = f"{row.difference:+} ± {row.standard_error:.0f}"
        table.add_row(
            row.setting, row.voice, *counts, difference, str(row.missing), str(row.repeated)
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument(
        "-s", "--setting", dest="settings", action="append", default=[], metavar="NAME=VALUE,…"
    )
    parser.add_argument("--model", default="demo", help="a name or a folder")
    parser.add_argument("--voices", nargs="+", help="instead of all that the model has")
    parser.add_argument("--listeners", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--caches", type=Path, help="of the engine, kept from run to run")
    parser.add_argument("--out", type=Path, help="write the figures there, too, as JSON")
    options = parser.parse_args()
    try:
        others = {text: parse_delivery(text) for text in options.settings}
        chunks = read_chunks(options.text.read_text(encoding="utf-8"))
    except (argparse.ArgumentTypeError, OSError) as error:
        parser.error(str(error))
    settings = load_settings()
    chosen = settings.model.model_copy(update={"checkpoint": options.model})
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(options.listeners) as pool:
        list(pool.map(len, [[]] * options.listeners))  # fork before the engine starts its threads
        data = data_folder(Path(folder), options.caches)
        model = load_model(settings.model_copy(update={"model": chosen, "data_dir": data}))
        try:
            for voice in options.voices or [name for name in model.bundled if name != "default"]:
                default: list[Comparison] | None = None
                for name, delivery in ({"default": Delivery()} | others).items():
                    heard = measure(model, voice, chunks, delivery, pool)
                    default = default or heard
                    rows.append(make_row(name, voice, heard, default))
                    Console(width=120).print(show(rows))
                    if options.out:  # after each, since a run may be interrupted
                        options.out.write_text(json.dumps([asdict(row) for row in rows], indent=1))
        finally:
            model.engine.close()


if __name__ == "__main__":
    main()
