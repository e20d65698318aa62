"""Whether two machines speak alike: the sentences, spoken on each of them and compared.

    python -m tests.listen.readings speak cpu                  # `rhapsode render`, here
    python -m tests.listen.readings speak gpu --server URL     # a service with a GPU
    python -m tests.listen.readings compare cpu gpu

The folders have a FLAC file and a manifest for each voice and seed. They can be copied, so that
the recogniser need not be installed where the sentences are spoken. A server with keys wants one
in RHAPSODE_CLIENT__KEY.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
from rich.console import Console
from rich.table import Table

from narration.errors import RhapsodeError
from narration.jobs.request import JobSettings, OutputFormat
from narration.settings import load_settings
from rhapsode.http_client import ApiClient, Upload
from rhapsode.outputs import Output
from rhapsode.submit import NarrationRequest
from tests.bench.figures import error_of_sum
from tests.listen.render_command import Clip, RenderFailed, cut, render
from tests.listen.sentences import SENTENCES
from tests.listen.story import fetch_narration

if TYPE_CHECKING:  # the machine that speaks has neither
    from tests.listen.quality import QualityJudge
    from tests.listen.recogniser import Recogniser

TEXT = "\n\n".join(SENTENCES)


class NotComparable(Exception):  # noqa: N818 - the name is clear without "Error"
    """Two readings are not of the same sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What was heard of all readings of a voice in one folder."""

    errors: list[int]  # of each sentence of each reading, in order
    rates: list[float]  # word error of each reading
    words: int
    missing: int
    dnsmos: float  # overall


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two folders' readings of a voice, the second minus the first."""

    voice: str
    first: Heard
    second: Heard

    @property
    def word_error(self) -> float:
        """Of all words."""
        return (sum(self.second.errors) - sum(self.first.errors)) / self.first.words

    @property
    def standard_error(self) -> float:
        """Of `word_error`, over sentences."""
        additional_errors = np.subtract(self.second.errors, self.first.errors)
        return error_of_sum(additional_errors) / self.first.words

    @property
    def dnsmos(self) -> float:
        return self.second.dnsmos - self.first.dnsmos


def speak_here(path: Path, voice: str, seed: int, model: str) -> None:
    """Speak the sentences with `rhapsode render`; the manifest stands beside the file."""
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "sentences.txt"
        document.write_text(TEXT, encoding="utf-8")
        own = ["-o", str(path), "--voice", voice, "--seed", str(seed), "--model", model]
        render([str(document), *own])


def speak_there(client: ApiClient, path: Path, voice: str, seed: int) -> None:
    """Have a service speak the sentences; the manifest is written beside the file."""
    request = NarrationRequest(
        text=Upload(name="sentences.txt", data=TEXT.encode()),
        settings=JobSettings(voice=voice, seed=seed, outputs=(OutputFormat.FLAC,)),
        outputs=[Output(path=path, format=OutputFormat.FLAC)],
    )
    manifest = fetch_narration(client, request)
    _manifest(path).write_text(json.dumps(manifest), encoding="utf-8")


def read_clips(path: Path) -> list[Clip]:
    """Cut a reading into its sentences."""
    return cut(soundfile.read(path, dtype="float32")[0], _read_manifest(path))


def _read_texts(path: Path) -> list[str]:
    return [chunk["text"] for chunk in _read_manifest(path)["chunks"]]


def _read_manifest(path: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(_manifest(path).read_text(encoding="utf-8"))
    return manifest


def common_names(first: Path, second: Path) -> list[str]:
    """Return the names of the complete readings that both folders have."""
    return sorted(_complete(first) & _complete(second))


def _complete(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.flac") if _manifest(path).exists()}


def hear(paths: Sequence[Path], recogniser: "Recogniser", judge: "QualityJudge") -> Heard:
    from tests.listen.words import compare, error_rate

    readings = [read_clips(path) for path in paths]
    comparisons_of_readings = [
        [compare(clip.text, recogniser.transcribe(clip.waveform)) for clip in reading]
        for reading in readings
    ]
    comparisons = [one for reading in comparisons_of_readings for one in reading]
    return Heard(
        errors=[one.errors for one in comparisons],
        rates=[error_rate(reading) for reading in comparisons_of_readings],
        words=sum(one.words for one in comparisons),
        missing=sum(one.is_missing for one in comparisons),
        dnsmos=float(np.mean([judge.rate(reading).overall for reading in readings])),
    )


def compare_folders(
    first: Path, second: Path, recogniser: "Recogniser", judge: "QualityJudge"
) -> list[Difference]:
    """Compare the readings that both folders have, by voice.

    Raises: NotComparable.
    """
    readings = common_names(first, second)
    for name in readings:
        if _read_texts(first / name) != _read_texts(second / name):
            raise NotComparable(f"{name} is of other sentences in {second} than in {first}")
    differences = []
    for voice in dict.fromkeys(name.rpartition("-")[0] for name in readings):
        names = [name for name in readings if name.rpartition("-")[0] == voice]
        first_heard, second_heard = (
            hear([folder / name for name in names], recogniser, judge) for folder in (first, second)
        )
        differences.append(Difference(voice=voice, first=first_heard, second=second_heard))
    return differences


def show(differences: Sequence[Difference]) -> Table:
    table = Table()
    for name in ("voice", "words", "first", "second", "difference", "missing", "DNSMOS"):
        table.add_column(name, justify="left" if name == "voice" else "right")
    for one in differences:
        rates = [
            f"{sum(h.errors) / h.words:.1%} ({', '.join(f'{rate:.1%}' for rate in h.rates)})"
            for h in (one.first, one.second)
        ]
        points = f"{100 * one.word_error:+.2f} ± {100 * one.standard_error:.2f} points"
        missing = f"{one.first.missing}, {one.second.missing}"
        dnsmos = f"{one.first.dnsmos:.2f}, {one.second.dnsmos:.2f} ({one.dnsmos:+.3f})"
        table.add_row(one.voice, f"{one.first.words:,}", *rates, points, missing, dnsmos)
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "speak" and options.server and options.model:
        parser.error("--model is for this machine: a service has a model of its own")
    if options.command == "compare" and not common_names(*options.folders):
        first, second = options.folders
        parser.error(f"{first} and {second} have no reading in common")
    try:
        _speak(options) if options.command == "speak" else _compare(*options.folders)
    except (RhapsodeError, RenderFailed, NotComparable, OSError) as error:
        sys.exit(f"tests.listen.readings: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    speak = commands.add_parser("speak", help="speak the sentences into a folder")
    speak.add_argument("folder", type=Path, help="where VOICE-SEED.flac and its manifest go")
    speak.add_argument("--server", metavar="URL", help="a service that speaks, not this machine")
    speak.add_argument("--model", help="that speaks on this machine; demo if not set")
    speak.add_argument("--voices", nargs="+", default=["kumo", "gongitsune"], metavar="VOICE")
    speak.add_argument(
        "--seeds", nargs="+", type=_seed, default=[0], metavar="SEED", help="a reading for each"
    )
    compare = commands.add_parser("compare", help="tell what is heard of two folders' readings")
    compare.add_argument("folders", nargs=2, type=Path, metavar=("FIRST", "SECOND"))
    return parser


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no seed: 0, 1, 2 and so on are")
    return int(text)


def _speak(options: argparse.Namespace) -> None:
    options.folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        client = stack.enter_context(closing(_connect(options.server))) if options.server else None
        data = stack.enter_context(tempfile.TemporaryDirectory())
        os.environ["RHAPSODE_DATA_DIR"] = data  # an empty chunk cache
        for seed in options.seeds:
            for voice in options.voices:
                path = options.folder / f"{voice}-{seed}.flac"
                _tell(path.name)
                if client is None:
                    speak_here(path, voice, seed, options.model or "demo")
                else:
                    speak_there(client, path, voice, seed)


def _connect(server: str) -> ApiClient:
    key = load_settings().client.key
    return ApiClient(server, key.get_secret_value() if key else None, tell=_tell)


def _compare(first: Path, second: Path) -> None:
    from tests.listen.quality import QualityJudge
    from tests.listen.recogniser import Recogniser

    recogniser = Recogniser(threads=os.cpu_count() or 1)
    differences = compare_folders(first, second, recogniser, QualityJudge())
    Console(width=150).print(show(differences))


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _manifest(path: Path) -> Path:
    return path.with_suffix(".manifest.json")


if __name__ == "__main__":
    main()
