"""`rhapsode plan`: how a text would be read: chapters, what is skipped, what is doubtful."""

from typing import Annotated

import typer

from narration.documents.report import as_text
from narration.jobs.document import read_within
from narration.jobs.reading import record_reading, report_plan
from narration.jobs.request import OtherLanguage, ReadingOptions
from narration.settings import load_settings
from narration.text.chunk import plan_chunks
from rhapsode.commands import options
from rhapsode.inputs import STDIN, STDIN_NAME, read_input

Json = Annotated[bool, typer.Option("--json", help="The report as JSON, as a job has it.")]


def plan(
    file: options.File,
    read: options.Read = None,
    json: Json = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Report how FILE would be read, without speaking it; needs no model."""
    limits = load_settings().limits
    data = read_input(file, limits.document_size_bytes)
    document = read_within(
        limits,
        data,
        name=STDIN_NAME if file == STDIN else file.name,
        media_type=None,
        options=ReadingOptions(
            spoken=frozenset(options.read_reasons(read)), other_language=OtherLanguage.READ
        ),
    )
    report = report_plan(document, plan_chunks(document))
    if json:
        typer.echo(record_reading(report).model_dump_json(indent=2))
    else:
        typer.echo(as_text(report), nl=False)
