"""Whether two machines speak alike: the sentences, spoken on each of them and compared.

    python -m tests.listen.readings speak cpu                  # `rhapsode render`, here
    python -m tests.listen.readings speak gpu --server URL     # a service with a GPU
    python -m tests.listen.readings compare cpu gpu

The folders have a FLAC file and a manifest for each voice and seed. They can be copied, so that
the recogniser need not be installed where the sentences are spoken.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from rich.console import Console
from rich.table import Table

from narration.jobs.request import JobSettings, OutputFormat
from rhapsode.http_client import ApiClient, Upload
from rhapsode.outputs import Output
from rhapsode.submit import NarrationRequest
from tests.listen.render_command import Clip, cut, render
from tests.listen.sentences import SENTENCES
from tests.listen.story import fetch_narration

if TYPE_CHECKING:  # the machine that speaks has neither
    from tests.listen.quality import QualityJudge
    from tests.listen.recogniser import Recogniser

TEXT = "\n\n".join(SENTENCES)


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
        more = np.subtract(self.second.errors, self.first.errors)
        return float(np.std(more) * np.sqrt(len(more)) / self.first.words)

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
    manifest = json.loads(_manifest(path).read_text(encoding="utf-8"))
    return cut(soundfile.read(path, dtype="float32")[0], manifest)


def hear(paths: Sequence[Path], recogniser: "Recogniser", judge: "QualityJudge") -> Heard:
    from tests.listen.words import compare, error_rate

    readings = [read_clips(path) for path in paths]
    found = [
        [compare(clip.text, recogniser.transcribe(clip.waveform)) for clip in reading]
        for reading in readings
    ]
    together = [one for reading in found for one in reading]
    return Heard(
        errors=[one.errors for one in together],
        rates=[error_rate(reading) for reading in found],
        words=sum(one.words for one in together),
        missing=sum(one.is_missing for one in together),
        dnsmos=float(np.mean([judge.rate(reading).overall for reading in readings])),
    )


def compare_folders(
    first: Path, second: Path, recogniser: "Recogniser", judge: "QualityJudge"
) -> list[Difference]:
    """Compare the readings that both folders have, by voice."""
    both = sorted({p.name for p in first.glob("*.flac")} & {p.name for p in second.glob("*.flac")})
    voices = dict.fromkeys(name.rpartition("-")[0] for name in both)
    differences = []
    for voice in voices:
        names = [name for name in both if name.rpartition("-")[0] == voice]
        one, other = (hear([f / n for n in names], recogniser, judge) for f in (first, second))
        differences.append(Difference(voice=voice, first=one, second=other))
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    commands = parser.add_subparsers(dest="command", required=True)
    speak = commands.add_parser("speak")
    speak.add_argument("folder", type=Path)
    speak.add_argument("--server", help="a service's URL, instead of this machine")
    speak.add_argument("--model", default="demo", help="that speaks on this machine")
    speak.add_argument("--voices", nargs="+", default=["kumo", "gongitsune"])
    speak.add_argument("--seeds", nargs="+", type=int, default=[0])
    compare = commands.add_parser("compare")
    compare.add_argument("folders", nargs=2, type=Path)
    options = parser.parse_args()
    if options.command == "speak":
        _speak(options)
        return

    from tests.listen.quality import QualityJudge
    from tests.listen.recogniser import Recogniser

    recogniser = Recogniser(threads=os.cpu_count() or 1)
    first, second = options.folders
    found = compare_folders(first, second, recogniser, QualityJudge())
    Console(width=150).print(show(found))


def _speak(options: argparse.Namespace) -> None:
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        os.environ["RHAPSODE_DATA_DIR"] = f"{name}/data"  # an empty chunk cache
        for seed in options.seeds:
            for voice in options.voices:
                path = options.folder / f"{voice}-{seed}.flac"
                print(path.name, file=sys.stderr, flush=True)
                if options.server is None:
                    speak_here(path, voice, seed, options.model)
                    continue
                with closing(ApiClient(options.server, None)) as client:
                    speak_there(client, path, voice, seed)


def _manifest(path: Path) -> Path:
    return path.with_suffix(".manifest.json")


if __name__ == "__main__":
    main()
