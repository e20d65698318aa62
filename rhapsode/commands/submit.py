"""`rhapsode submit`: a server narrates a text file; the results are fetched."""

import time
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from narration.settings import load_settings
from narration.text.english import English
from rhapsode.commands import options
from rhapsode.commands.summary import Summary
from rhapsode.library import VoiceLibrary
from rhapsode.outputs import check_outputs, told_places
from rhapsode.progress import render_bar

if TYPE_CHECKING:
    from rhapsode.submit import NarrationRequest

ServerUrl = Annotated[
    str | None, typer.Option(help="Instead of RHAPSODE_CLIENT__SERVER.", show_default=False)
]
Priority = Annotated[int, typer.Option(min=0, max=9, help="The greater goes first.")]
Profile = Annotated[str, typer.Option(help="The server's storage profile.")]
Prefix = Annotated[str, typer.Option(help="The folder in the server's bucket.")]


def submit(  # noqa: PLR0917 - Typer passes all of them by keyword
    file: options.File,
    output: options.Out = None,
    server: ServerUrl = None,
    voice: options.Voice = "default",
    exaggeration: options.Exaggeration = 0.5,
    cfg_weight: options.CfgWeight = 0.5,
    temperature: options.Temperature = 0.8,
    seed: options.Seed = 0,
    max_chars: options.MaxChars = 280,
    title: options.Title = None,
    author: options.Author = None,
    english: options.EnglishOption = English.AMERICAN,
    cover: options.CoverFile = None,
    read: options.Read = None,
    chapters: options.Chapters = None,
    split: options.SplitOption = None,
    any_language: options.AnyLanguage = False,  # noqa: FBT002 - a flag of the command line
    format: options.Format = None,  # noqa: A002 - the option is called --format
    priority: Priority = 5,
    prefix: Prefix = "",
    profile: Profile = "default",
    quiet: options.Quiet = False,  # noqa: FBT002 - a flag of the command line
    json: options.Json = False,  # noqa: FBT002
) -> None:
    """Have a server narrate FILE. Interrupted and run again, it finds its job and goes on.

    A server with keys wants one in RHAPSODE_CLIENT__KEY.
    """
    from rhapsode.http_client import ApiClient  # noqa: PLC0415 - the other commands need no HTTP
    from rhapsode.submit import NarrationRequest, read_text  # noqa: PLC0415
    from rhapsode.submit import submit as run  # noqa: PLC0415

    started = time.monotonic()
    settings = load_settings().client
    outputs = check_outputs(options.output_paths(output, file), format)
    recording = VoiceLibrary(load_settings()).recording_of(voice)
    request = NarrationRequest(
        text=read_text(file),
        settings=options.job_settings(
            outputs=outputs,
            voice=voice if recording is None else "default",
            exaggeration=exaggeration,
            cfg_weight=cfg_weight,
            temperature=temperature,
            seed=seed,
            max_chars=max_chars,
            title=title,
            author=author,
            english=english,
            read=read,
            any_language=any_language,
            chapters=chapters,
            split=split,
        ).model_copy(update={"priority": priority}),
        outputs=outputs,
        recording=recording,
        prefix=prefix,
        profile=profile,
        cover=options.read_cover(cover),
    )
    key = settings.key.get_secret_value() if settings.key else None
    with (
        closing(ApiClient(server or settings.server, key)) as client,
        render_bar(is_quiet=quiet) as bar,
    ):
        job = run(client, request, bar.show)
    elapsed_s = time.monotonic() - started
    _summary_of(job, request, elapsed_s).show(is_quiet=quiet, as_json=json)


def _summary_of(job: dict[str, Any], request: "NarrationRequest", elapsed_s: float) -> Summary:
    progress = job["progress"]
    return Summary(
        job_id=job["id"],
        outputs=told_places(request.outputs, is_split=request.settings.split is not None),
        manifest=None,
        speech_s=progress["audio_s"],
        elapsed_s=elapsed_s,
        chunks=progress["chunks_total"],
        chunks_reused=progress["chunks_cached"],
        chunks_flagged=progress["chunks_flagged"],
        warnings=job["warnings"],
    )
