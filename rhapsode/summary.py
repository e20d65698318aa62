"""The result of `render` and `submit` for each text: one line for a person, JSON for a script."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from narration.errors import RhapsodeError
from narration.jobs.reading_record import JobWarning
from rhapsode.option_names import explain
from rhapsode.outputs import Output
from rhapsode.progress import format_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A job that was delivered; `manifest` is None if it was not fetched."""

    job_id: str
    file: Path
    outputs: list[Output]
    manifest: Path | None
    speech_s: float
    elapsed_s: float
    chunks: int
    chunks_reused: int
    chunks_flagged: int
    warnings: Sequence[JobWarning] = ()

    def show(self, *, is_quiet: bool, as_json: bool) -> None:
        """Print it in the requested form."""
        if as_json:
            typer.echo(self.as_json())
        elif not is_quiet:
            typer.echo(self.line())
            for warning in self.warnings:
                typer.echo(f"warning: {warning.detail}", err=True)

    def line(self) -> str:
        """Return one line for a person."""
        flagged = f", {self.chunks_flagged} flagged" if self.chunks_flagged else ""
        return (
            f"{', '.join(str(output.path) for output in self.outputs)}: "
            f"{format_duration(self.speech_s)} of speech in {self.chunks} chunks{flagged}, "
            f"{format_duration(self.elapsed_s)} elapsed, "
            f"{self.speech_s / max(self.elapsed_s, 1e-3):.1f}x real time"
        )

    def as_json(self) -> str:
        """Return the same for a script."""
        return json.dumps(
            {
                "job": self.job_id,
                "file": str(self.file),
                "outputs": [str(output.path) for output in self.outputs],
                "manifest": str(self.manifest) if self.manifest else None,
                "speech_s": self.speech_s,
                "elapsed_s": round(self.elapsed_s, 3),
                "chunks": self.chunks,
                "chunks_reused": self.chunks_reused,
                "chunks_flagged": self.chunks_flagged,
                "warnings": [warning.model_dump() for warning in self.warnings],
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A text that was not narrated, and why."""

    file: Path
    error: RhapsodeError

    def as_json(self) -> str:
        """Return it for a script."""
        error = {"code": self.error.code, "detail": explain(self.error)}
        return json.dumps({"file": str(self.file), "error": error})
