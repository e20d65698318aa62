"""`rhapsode plan`: what a text would become: chapters, length, what is skipped or doubtful."""

from collections.abc import Iterator
from json import dumps as dump_json
from typing import Annotated

import typer

from narration.documents.report import as_text
from narration.jobs.outline import outline, record_outline
from narration.jobs.outline_record import OutlineRecord
from narration.jobs.request import JobSettings, OtherLanguage
from narration.settings import load_settings
from narration.text.english import English
from rhapsode.commands import options
from rhapsode.inputs import STDIN, STDIN_NAME, read_input

Json = Annotated[bool, typer.Option("--json", help="The report as JSON, as a job has it.")]
MINUTE_S, HOUR_S = 60, 3600


def plan(  # noqa: PLR0917 - Typer passes all of them by keyword
    file: options.File,
    read: options.Read = None,
    english: options.EnglishOption = English.AMERICAN,
    max_chars: options.MaxChars = 280,
    chapters: options.Chapters = None,
    json: Json = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Report what FILE would become, without speaking it; needs no model."""
    limits = load_settings().limits
    settings = JobSettings(
        spoken=options.read_reasons(read),
        english=english,
        max_chars=max_chars,
        chapters=options.chapter_numbers(chapters),
        other_language=OtherLanguage.READ,
    )
    outlined = outline(
        limits,
        read_input(file, limits.document_size_bytes),
        name=STDIN_NAME if file == STDIN else file.name,
        media_type=None,
        settings=settings,
    )
    record = record_outline(outlined, settings)
    if json:
        # The fields of the reading report stay at the top level, for compatibility.
        flat = record.reading.model_dump() | record.model_dump(exclude={"reading"})
        typer.echo(dump_json(flat, indent=2, ensure_ascii=False))
        return
    lengths = {chapter.number: length(chapter.audio_s) for chapter in record.chapters}
    for line in _about(record):
        typer.echo(line)
    typer.echo(as_text(outlined.report, lengths), nl=False)
    typer.echo(f"length     about {length(record.audio_s)} of speech in {record.chunks:,} chunks")


def _about(record: OutlineRecord) -> Iterator[str]:
    """Describe the work's metadata besides title and author."""
    work = record.work
    if work is None:
        return
    series = " ".join(filter(None, (work.series, work.series_position)))
    published = ", ".join(filter(None, (work.publisher, work.date)))
    numbers = ", ".join(f"{each.scheme} {each.value}".strip() for each in work.identifiers)
    facts = {"series": series, "published": published, "numbers": numbers, "cover": work.cover}
    yield from (f"{name:10} {text}" for name, text in facts.items() if text)


def length(seconds: float) -> str:
    """Format a duration for people."""
    if seconds < MINUTE_S:
        return f"{seconds:.0f} s"
    minutes = round(seconds / MINUTE_S)
    if minutes < MINUTE_S:
        return f"{minutes} min"
    return f"{minutes // MINUTE_S} h {minutes % MINUTE_S} min"
