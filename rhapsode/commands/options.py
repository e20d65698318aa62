"""Options that `render` and `submit` share, with the same names and meanings."""

import re
from pathlib import Path
from typing import Annotated

import typer

from narration.documents.types import READABLE_SKIPS, SkipReason
from narration.errors import InputError, SettingsError
from narration.jobs.request import (
    MAX_CHAPTERS,
    MAX_LISTED_CHAPTERS,
    JobSettings,
    OtherLanguage,
    Split,
)
from narration.jobs.work import MAX_COVER_BYTES, cover_type
from narration.text.english import English
from narration.voices.delivery import DeliverySettings
from rhapsode.inputs import read_input
from rhapsode.option_names import naming_options
from rhapsode.outputs import Output

KINDS = "txt, md, html, epub, docx, fb2, ssml or pdf; - reads text from standard input."
File = Annotated[Path, typer.Argument(help=KINDS, show_default=False)]
Files = Annotated[
    list[Path], typer.Argument(help=f"One or more: {KINDS}", metavar="FILE...", show_default=False)
]
Out = Annotated[
    list[Path] | None,
    typer.Option(
        "-o",
        "--output",
        help="The audio file; may be given once per format. For several texts: a folder. "
        "[default: each FILE's name with .m4b, here]",
        show_default=False,
    ),
]
Title = Annotated[
    str | None, typer.Option(help="Instead of the document's own title.", show_default=False)
]
Author = Annotated[
    str | None, typer.Option(help="Instead of the document's own author.", show_default=False)
]
CoverFile = Annotated[
    Path | None,
    typer.Option("--cover", help="JPEG or PNG, instead of the document's own cover."),
]
Model = Annotated[str, typer.Option(help="A model's name (`rhapsode models list`) or its folder.")]
Voice = Annotated[
    str, typer.Option(help="A voice of the model, or a recording of five seconds or more.")
]
Exaggeration = Annotated[float, typer.Option(min=0, max=2, help="How expressive; 0.5 is neutral.")]
CfgWeight = Annotated[float, typer.Option(min=0, max=2, help="How closely to follow the text.")]
Temperature = Annotated[float, typer.Option(min=0, max=5, help="How varied; 0 is always the same.")]
Seed = Annotated[int, typer.Option(min=0, help="A different seed gives a different reading.")]
MaxChars = Annotated[int, typer.Option(min=40, max=400, help="Characters per model call.")]
EnglishOption = Annotated[
    English, typer.Option("--english", help="Which dates and words: american or british.")
]
Read = Annotated[
    list[str] | None,
    typer.Option(
        "--read",
        help="Read aloud what is skipped for this reason, such as note or code; may be repeated.",
        show_default=False,
    ),
]
Chapters = Annotated[
    str | None,
    typer.Option(
        help="Only these chapters, such as 1,3-5; `rhapsode plan` shows their numbers.",
        show_default=False,
    ),
]
SplitOption = Annotated[
    Split | None,
    typer.Option("--split", help="chapter: a file for each chapter.", show_default=False),
]
AnyLanguage = Annotated[
    bool,
    typer.Option("--any-language", help="Narrate a text even in a language no voice speaks."),
]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        help="Instead of the file's ending; may be repeated where -o is a folder.",
        show_default=False,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Print what would be narrated and written, without speaking."),
]
NoWatermark = Annotated[
    bool, typer.Option("--no-watermark", help="Leave out the inaudible watermark.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")]
Json = Annotated[bool, typer.Option("--json", help="A line of JSON for each text, on stdout.")]

_NUMBERS = re.compile(r"\s*(\d{1,6})\s*(?:-\s*(\d{1,6})\s*)?", re.ASCII)


def read_cover(path: Path | None) -> bytes | None:
    """Read the cover picture for the files.

    Raises: DocumentError if it cannot be read; InputError if it is no JPEG or PNG.
    """
    if path is None:
        return None
    data = read_input(path, MAX_COVER_BYTES)
    if cover_type(data) is None:
        raise InputError(f"{path} is neither JPEG nor PNG: convert it")
    return data


def require_one_title(files: list[Path], title: str | None) -> None:
    """Raise SettingsError if one title was given for several texts."""
    if title is not None and len(files) > 1:
        raise SettingsError("--title names one text, not several: leave it out, or narrate one")


def read_reasons(names: list[str] | None) -> tuple[SkipReason, ...]:
    """Return the reasons for which text should not be skipped.

    Raises: SettingsError naming the valid ones.
    """
    known = {reason.value: reason for reason in sorted(READABLE_SKIPS)}
    for name in names or ():
        if name not in known:
            raise SettingsError(
                f"--read {name} is not a reason to skip: choose among {', '.join(known)}"
            )
    return tuple(known[name] for name in names or ())


def chapter_numbers(text: str | None) -> tuple[int, ...] | None:
    """Return the numbers in a list such as `1,3-5`.

    Raises: SettingsError.
    """
    if text is None:
        return None
    numbers: set[int] = set()
    for part in text.split(","):
        match = _NUMBERS.fullmatch(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 1 <= first <= last <= MAX_CHAPTERS:
            raise SettingsError(
                f"--chapters {text} is not a list of numbers from 1 on: write it as 1,3-5"
            )
        numbers |= set(range(first, last + 1))
    if len(numbers) > MAX_LISTED_CHAPTERS:
        raise SettingsError(f"--chapters {text} names more than {MAX_LISTED_CHAPTERS:,} chapters")
    return tuple(sorted(numbers))


def job_settings(
    *,
    outputs: list[Output],
    voice: str,
    exaggeration: float,
    cfg_weight: float,
    temperature: float,
    seed: int,
    max_chars: int,
    title: str | None,
    author: str | None,
    english: English,
    read: list[str] | None,
    any_language: bool,
    chapters: str | None,
    split: Split | None,
) -> JobSettings:
    """Translate options into the settings of a job.

    Raises: SettingsError.
    """
    with naming_options():
        return JobSettings(
            voice=voice,
            delivery=DeliverySettings(
                exaggeration=exaggeration, cfg_weight=cfg_weight, temperature=temperature
            ),
            seed=seed,
            max_chars=max_chars,
            english=english,
            spoken=read_reasons(read),
            other_language=OtherLanguage.READ if any_language else OtherLanguage.REFUSE,
            outputs=tuple(output.format for output in outputs),
            chapters=chapter_numbers(chapters),
            split=split,
            title=title,
            author=author,
        )
