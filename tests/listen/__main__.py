"""`python -m tests.listen`: measures the bundled voices with a recogniser, as a table and as JSON.

Exit code 1 if a figure is worse than its limit in targets.py.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.listen.figures import Part
from tests.listen.parts import PARTS, Listening
from tests.listen.recogniser import Recogniser
from tests.listen.render_command import RenderCommand
from tests.listen.report import as_json, show
from tests.listen.sentences import SENTENCES
from worker.chatterbox.checkpoint import Voices
from worker.chatterbox.hub import resolve_model


def main() -> int:
    options = _options()
    folder = resolve_model(options.model)
    with tempfile.TemporaryDirectory() as name:
        os.environ["RHAPSODE_DATA_DIR"] = f"{name}/data"  # an empty chunk cache
        listening = Listening(
            command=RenderCommand(Path(name), options.model),
            recogniser=Recogniser(threads=os.cpu_count() or 1),
            model=folder,
            voices=options.voices or distinct_voices(folder),
            sentences=list(SENTENCES[: options.sentences]),
        )
        parts: list[Part] = []
        for part in options.parts:
            parts.append(_listen(part, listening))
            _write_json(parts, options)  # an interrupted run keeps its results
    show(parts)
    return 1 if any(figure.is_lost for part in parts for figure in part.figures) else 0


def distinct_voices(folder: Path) -> list[str]:
    """Return the voices of a model, each once: the default voice has two names."""
    voices = Voices(folder)
    by_digest = {voices[name].digest: name for name in ["default", *voices]}
    return list(by_digest.values())


def _listen(name: str, listening: Listening) -> Part:
    print(f"listening: {name}", file=sys.stderr, flush=True)
    started = time.monotonic()
    figures, heard = PARTS[name](listening)
    return Part(name=name, figures=figures, heard=heard, took_s=time.monotonic() - started)


def _write_json(parts: list[Part], options: argparse.Namespace) -> None:
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(as_json(parts, options.model), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="demo", help="a model's name or its folder")
    parser.add_argument("--voices", nargs="+", help="instead of all; the first reads the story")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--sentences", type=int, default=100, help="so many of them")
    parser.add_argument("--json", type=Path, default=Path("out/listen.json"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
