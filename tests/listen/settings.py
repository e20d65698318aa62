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
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from narration.errors import SpeechError
from narration.sound.waveform import SAMPLE_RATE_HZ
from tests.bench.engine_alone import open_model, plan_chunks
from tests.bench.figures import error_of_sum
from tests.listen.recogniser import Recogniser
from tests.listen.words import Comparison, compare, error_rate
from worker.engine.types import Delivery, SpeechEngine, Utterance

if TYPE_CHECKING:
    from worker.chatterbox.voice import Voice
    from worker.process import LoadedModel

CALLERS = 640  # keep the largest engine full, and hold a clip of a megabyte each at most


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


@cache
def _recogniser() -> Recogniser:
    return Recogniser(threads=1)


def hear(said: str, waveform: npt.NDArray[np.float32]) -> Comparison:
    """Transcribe a clip in the calling process. Shapes: waveform (S,) at 24 kHz."""
    return compare(said, _recogniser().transcribe(waveform))


def measure(
    engine: SpeechEngine,
    voice: "Voice",
    chunks: Sequence[str],
    delivery: Delivery,
    listeners: Executor,
) -> list[Comparison]:
    """Speak chunks and return what was heard of each, in order."""

    def speak_and_hear(numbered: tuple[int, str]) -> Comparison:
        seed, text = numbered
        try:
            waveform = (
                engine.submit(Utterance(text=text, voice=voice, delivery=delivery, seed=seed))
                .result()
                .waveform
            )
        except SpeechError:  # it is missing
            waveform = np.zeros(SAMPLE_RATE_HZ, np.float32)
        return listeners.submit(hear, text, waveform).result()

    with ThreadPoolExecutor(CALLERS) as callers:
        return list(callers.map(speak_and_hear, enumerate(chunks)))


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
        standard_error=error_of_sum(more),
        missing=sum(one.is_missing for one in heard),
        repeated=sum(one.is_repeated for one in heard),
    )


def compare_settings(
    model: "LoadedModel",
    voices: Sequence[str],
    chunks: Sequence[str],
    others: Mapping[str, Delivery],
    listeners: Executor,
) -> Iterator[Row]:
    """Yield a row for each voice and setting, the default settings first."""
    for name in voices:
        voice = model.bundled[name]
        default = measure(model.engine, voice, chunks, Delivery(), listeners)
        yield make_row("default", name, default, default)
        for setting, delivery in others.items():
            heard = measure(model.engine, voice, chunks, delivery, listeners)
            yield make_row(setting, name, heard, default)


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
        chunks = plan_chunks(options.text.read_text(encoding="utf-8"))
    except (argparse.ArgumentTypeError, OSError) as error:
        parser.error(str(error))
    rows: list[Row] = []
    with ProcessPoolExecutor(options.listeners) as listeners:
        listeners.submit(len, ()).result()  # they fork before the engine starts its threads
        with open_model(options.model, options.caches) as model:
            names = options.voices or [name for name in model.bundled if name != "default"]
            for row in compare_settings(model, names, chunks, others, listeners):
                rows.append(row)
                Console(width=120).print(show(rows))
                if options.out:  # after each, since a run may be interrupted
                    options.out.write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
