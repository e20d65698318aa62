"""Options that `render` and `submit` share: the same words for the same thing."""

from pathlib import Path
from typing import Annotated

import typer

from narration.documents.types import READABLE_SKIPS, SkipReason
from narration.errors import InputError, OutputError, SettingsError
from narration.jobs.request import DeliverySettings, JobSettings, OtherLanguage
from narration.jobs.work import MAX_COVER_BYTES, cover_type
from rhapsode.inputs import STDIN, read_input
from rhapsode.outputs import Output

File = Annotated[
    Path,
    typer.Argument(
        help="txt, md, html, epub, docx, fb2, ssml or pdf; - reads text from standard input.",
        show_default=False,
    ),
]
Out = Annotated[
    list[Path] | None,
    typer.Option(
        "-o",
        "--output",
        help="The audio file; may be given once per format. [default: FILE's name with .m4b, here]",
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
Seed = Annotated[int, typer.Option(min=0, help="Another seed, another reading.")]
MaxChars = Annotated[int, typer.Option(min=40, max=400, help="Characters per model call.")]
Read = Annotated[
    list[str] | None,
    typer.Option(
        "--read",
        help="Read aloud what is skipped for this reason, such as note or code; may be repeated.",
        show_default=False,
    ),
]
AnyLanguage = Annotated[
    bool,
    typer.Option("--any-language", help="Narrate a text even in a language no voice speaks."),
]
Format = Annotated[
    str | None, typer.Option(help="Instead of the file's ending.", show_default=False)
]
NoWatermark = Annotated[bool, typer.Option("--no-watermark", help="Leave the inaudible mark out.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")]
Json = Annotated[bool, typer.Option("--json", help="The summary as JSON on stdout.")]


def output_paths(output: list[Path] | None, file: Path) -> list[Path]:
    """Return the files to write: those that were named, or one beside the caller.

    Raises: OutputError if the text comes from standard input and no file was named.
    """
    if output:
        return output
    if file == STDIN:
        raise OutputError("a text from standard input has no name: say where with -o FILE")
    return [Path(f"{file.stem}.m4b")]


def read_cover(path: Path | None) -> bytes | None:
    """Read the picture for the files.

    Raises: DocumentError if it cannot be read; InputError if it is no JPEG or PNG.
    """
    if path is None:
        return None
    data = read_input(path, MAX_COVER_BYTES)
    if cover_type(data) is None:
        raise InputError(f"{path} is neither JPEG nor PNG: convert it")
    return data


def read_reasons(names: list[str] | None) -> tuple[SkipReason, ...]:
    """Return the reasons for which nothing is to be skipped.

    Raises: SettingsError naming those there are.
    """
    known = {reason.value: reason for reason in sorted(READABLE_SKIPS)}
    for name in names or ():
        if name not in known:
            raise SettingsError(
                f"--read {name} is no reason to skip: choose among {', '.join(known)}"
            )
    return tuple(known[name] for name in names or ())


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
    read: list[str] | None,
    any_language: bool,
) -> JobSettings:
    """Translate options into what a job is asked to be.

    Raises: SettingsError.
    """
    return JobSettings(
        voice=voice,
        delivery=DeliverySettings(
            exaggeration=exaggeration, cfg_weight=cfg_weight, temperature=temperature
        ),
        seed=seed,
        max_chars=max_chars,
        spoken=read_reasons(read),
        other_language=OtherLanguage.READ if any_language else OtherLanguage.REFUSE,
        outputs=tuple(output.format for output in outputs),
        title=title,
        author=author,
    )
