"""The output of `--dry-run`: what each text would become, without a model or by a server's plan."""

import json
from dataclasses import dataclass
from pathlib import Path

import typer

from narration.jobs.outline import outline, record_outline
from narration.jobs.request import JobSettings
from narration.settings import Settings
from rhapsode.batch import Work
from rhapsode.commands.plan import length
from rhapsode.inputs import read_input
from rhapsode.outputs import Output, visible_paths
from rhapsode.server_answers import ServerPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A text that can be narrated, and what it would become."""

    file: Path
    outputs: list[Output]
    words: int
    chapters: int
    chunks: int
    audio_s: float
    warnings: list[str]

    def show(self, *, is_quiet: bool, as_json: bool) -> None:
        """Print it in the requested form."""
        if as_json:
            typer.echo(self.as_json())
        elif not is_quiet:
            places = ", ".join(str(output.path) for output in self.outputs)
            typer.echo(
                f"{self.file}: {self.words:,} words, chapters: {self.chapters:,}, "
                f"about {length(self.audio_s)} of speech -> {places}"
            )
            for warning in self.warnings:
                typer.echo(f"warning: {warning}", err=True)

    def as_json(self) -> str:
        """Return the same for a script."""
        report = {
            "file": str(self.file),
            "outputs": [str(output.path) for output in self.outputs],
            "words": self.words,
            "chapters": self.chapters,
            "chunks": self.chunks,
            "audio_s": self.audio_s,
            "warnings": self.warnings,
        }
        return json.dumps(report)


def preview_of_plan(work: Work, plan: ServerPlan, *, is_split: bool) -> Preview:
    """Read the plan that a server made of a text."""
    unlisted = plan.chapters_total - len(plan.chapters)  # of a very long list
    return Preview(
        file=work.file,
        outputs=visible_paths(work.outputs, is_split=is_split),
        words=plan.reading.words,
        chapters=sum(chapter.is_chosen for chapter in plan.chapters) + unlisted,
        chunks=plan.chunks,
        audio_s=plan.estimate.audio_s,
        warnings=[warning.detail for warning in plan.warnings],
    )


def preview(work: Work, settings: Settings, job_settings: JobSettings) -> Preview:
    """Read a text as a job would.

    Raises: DocumentError if it would be refused.
    """
    outlined = outline(
        settings.limits,
        read_input(work.file, settings.limits.document_size_bytes),
        name=work.name,
        media_type=None,
        settings=job_settings,
    )
    record = record_outline(outlined, job_settings)
    return Preview(
        file=work.file,
        outputs=visible_paths(work.outputs, is_split=job_settings.split is not None),
        words=record.reading.words,
        chapters=sum(chapter.is_chosen for chapter in record.chapters),
        chunks=record.chunks,
        audio_s=record.audio_s,
        warnings=[warning.detail for warning in record.warnings],
    )
