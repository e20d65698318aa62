"""Runs `rhapsode render` on texts, each a paragraph, and cuts the result by its manifest."""

import io
import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from rhapsode.cli import run
from worker.chatterbox.config import SAMPLE_RATE_HZ

Waveform = npt.NDArray[np.float32]


class RenderFailed(Exception):  # noqa: N818 - the name is clear without "Error"
    """The command did not return 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One text and its sound, (S,) at 24 kHz."""

    text: str
    waveform: Waveform

    @property
    def duration_s(self) -> float:
        return len(self.waveform) / SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The result of one call of the command."""

    clips: list[Clip]
    loudness_lufs: float  # as spoken, before the programme's level was set
    speech_s: float
    elapsed_s: float  # of the whole command: loading, speaking, checking, assembling

    @property
    def speed(self) -> float:
        """Seconds of speech made per second."""
        return self.speech_s / self.elapsed_s


class RenderCommand:
    """Runs the command with one model in its own folder; RHAPSODE_DATA_DIR should be empty."""

    def __init__(self, folder: Path, model: str) -> None:
        self._folder = folder
        self._model = model
        self._takes = 0

    def read(self, texts: list[str], *options: str, voice: str) -> Reading:
        """Render texts, each short enough to be one chunk.

        Raises: RenderFailed.
        """
        self._takes += 1
        document = self._folder / f"take-{self._takes}.txt"
        document.write_text("\n\n".join(texts), encoding="utf-8")
        output = document.with_suffix(".flac")
        arguments = ["-o", str(output), "--model", self._model, "--voice", voice, *options]
        summary = render([str(document), *arguments])
        manifest = json.loads(output.with_suffix(".manifest.json").read_text(encoding="utf-8"))
        clips = cut(soundfile.read(output, dtype="float32")[0], manifest)
        assert [clip.text for clip in clips] == texts, "a text is not a chunk"
        return Reading(
            clips=clips,
            loudness_lufs=manifest["programme"]["lufs"],
            speech_s=summary["speech_s"],
            elapsed_s=summary["elapsed_s"],
        )

    def keep(self, name: str, sound: Waveform) -> Path:
        """Store a recording and return where."""
        path = self._folder / name
        soundfile.write(path, sound, SAMPLE_RATE_HZ)
        return path


def cut(sound: Waveform, manifest: dict[str, Any]) -> list[Clip]:
    """Return the chunks of a narration, each with its sound, in the order of the text."""
    return [
        Clip(
            text=chunk["text"], waveform=sound[_at(chunk["start_s"]) :][: _at(chunk["duration_s"])]
        )
        for chunk in manifest["chunks"]
    ]


def _at(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)


def render(arguments: list[str]) -> dict[str, Any]:
    """Run the command in this process and return its summary.

    Raises: RenderFailed.
    """
    with redirect_stdout(io.StringIO()) as printed:
        code = run(["render", "--quiet", "--json", *arguments])
    if code != 0:
        raise RenderFailed(f"rhapsode render {' '.join(arguments)} returned {code}")
    summary: dict[str, Any] = json.loads(printed.getvalue())
    return summary
