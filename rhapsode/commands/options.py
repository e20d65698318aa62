"""Options that `render` and `submit` share: the same words for the same thing."""

from pathlib import Path
from typing import Annotated

import typer

from narration.errors import OutputError
from narration.jobs.request import DeliverySettings, JobSettings
from narration.text.english import English
from rhapsode.inputs import STDIN
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
Model = Annotated[str, typer.Option(help="A model's name (`rhapsode models list`) or its folder.")]
Voice = Annotated[
    str, typer.Option(help="A voice of the model, or a recording of five seconds or more.")
]
Exaggeration = Annotated[float, typer.Option(min=0, max=2, help="How expressive; 0.5 is neutral.")]
CfgWeight = Annotated[float, typer.Option(min=0, max=2, help="How closely to follow the text.")]
Temperature = Annotated[float, typer.Option(min=0, max=5, help="How varied; 0 is always the same.")]
Seed = Annotated[int, typer.Option(min=0, help="Another seed, another reading.")]
MaxChars = Annotated[int, typer.Option(min=40, max=400, help="Characters per model call.")]
EnglishOption = Annotated[
    English, typer.Option("--english", help="Whose dates and words: american or british.")
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
) -> JobSettings:
    """Translate options into what a job is asked to be."""
    return JobSettings(
        voice=voice,
        delivery=DeliverySettings(
            exaggeration=exaggeration, cfg_weight=cfg_weight, temperature=temperature
        ),
        seed=seed,
        max_chars=max_chars,
        english=english,
        outputs=tuple(output.format for output in outputs),
        title=title,
        author=author,
    )
