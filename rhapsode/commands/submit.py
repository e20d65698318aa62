"""`rhapsode submit`: a server narrates text files; the results are fetched."""

import time
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from narration.errors import RhapsodeError
from narration.settings import ClientSettings, load_settings
from narration.text.english import English
from rhapsode.batch import Work, assign_outputs, run_all
from rhapsode.commands import options
from rhapsode.library import VoiceLibrary
from rhapsode.outputs import visible_paths
from rhapsode.progress import render_bar
from rhapsode.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rhapsode.commands.dry_run import Preview
    from rhapsode.http_client import ApiClient
    from rhapsode.submit import Begun, NarrationRequest

ServerUrl = Annotated[
    str | None, typer.Option(help="Instead of RHAPSODE_CLIENT__SERVER.", show_default=False)
]
Priority = Annotated[int, typer.Option(min=0, max=9, help="Higher goes first.")]
Profile = Annotated[str, typer.Option(help="The server's storage profile.")]
Prefix = Annotated[str, typer.Option(help="The folder in the server's bucket.")]


def submit(  # noqa: PLR0917 - Typer passes all of them by keyword
    file: options.Files,
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
    formats: options.Formats = None,
    priority: Priority = 5,
    prefix: Prefix = "",
    profile: Profile = "default",
    dry_run: options.DryRun = False,  # noqa: FBT002
    quiet: options.Quiet = False,  # noqa: FBT002 - a flag of the command line
    json: options.Json = False,  # noqa: FBT002
) -> None:
    """Have a server narrate texts. If interrupted, run it again to continue with its jobs.

    A server with keys wants one in RHAPSODE_CLIENT__KEY.
    """
    from rhapsode.submit import NarrationRequest  # noqa: PLC0415 - the other commands need no HTTP

    settings = load_settings().client
    options.require_one_title(file, title)
    works = assign_outputs(file, output, formats)
    recording = VoiceLibrary(load_settings()).recording_of(voice)
    job_settings = options.job_settings(
        outputs=works[0].outputs,
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
    ).model_copy(update={"priority": priority})
    request = partial(
        NarrationRequest,
        settings=job_settings,
        recording=recording,
        prefix=prefix,
        profile=profile,
        cover=options.read_cover(cover),
    )
    with closing(_connect(settings, server, is_quiet=quiet)) as client:
        submitter = _Submitter(client, request, is_quiet=quiet)
        if dry_run:
            run_all(works, submitter.preview, is_quiet=quiet, as_json=json)
            return
        # All are submitted first, because a server narrates several at once.
        submitter.begin_all(works)
        run_all(works, submitter.finish, is_quiet=quiet, as_json=json)


def _connect(settings: ClientSettings, server: str | None, *, is_quiet: bool) -> "ApiClient":
    """Return a client that tells of a server that does not answer, unless it shall be quiet.

    Raises: SettingsError if the server's address or the key cannot be one.
    """
    from rhapsode.http_client import ApiClient  # noqa: PLC0415
    from rhapsode.server_address import require_key, require_server_url  # noqa: PLC0415

    def tell(line: str) -> None:
        if not is_quiet:
            typer.echo(f"rhapsode: {line}", err=True)

    key = settings.key.get_secret_value() if settings.key else None
    require_key(key, "RHAPSODE_CLIENT__KEY")
    url, source = settings.server, "RHAPSODE_CLIENT__SERVER"
    if server is not None:
        url, source = server, "--server"
    require_server_url(url, source)
    return ApiClient(url, key, tell=tell)


class _Submitter:
    """Submits texts to a server, and fetches the results."""

    def __init__(
        self, client: "ApiClient", request: "Callable[..., NarrationRequest]", *, is_quiet: bool
    ) -> None:
        self._client = client
        self._request = request
        self._is_quiet = is_quiet
        self._started = time.monotonic()
        self._begun: dict[Path, Begun | RhapsodeError] = {}

    def begin_all(self, works: list[Work]) -> None:
        """Submit every text; an error is kept until that text is due."""
        from rhapsode.submit import begin, read_text  # noqa: PLC0415

        for work in works:
            try:
                request = self._request(text=read_text(work.file), outputs=work.outputs)
                self._begun[work.file] = begin(self._client, request)
            except RhapsodeError as error:
                self._begun[work.file] = error

    def preview(self, work: Work) -> "Preview":
        """Have the server tell what a text would become."""
        from rhapsode.commands.dry_run import preview_of_plan  # noqa: PLC0415
        from rhapsode.submit import plan, read_text  # noqa: PLC0415

        request = self._request(text=read_text(work.file), outputs=work.outputs)
        is_split = request.settings.split is not None
        return preview_of_plan(work, plan(self._client, request), is_split=is_split)

    def finish(self, work: Work) -> Summary:
        """Wait for the job of a text, and fetch its files."""
        from rhapsode.submit import finish  # noqa: PLC0415

        begun = self._begun[work.file]
        if isinstance(begun, RhapsodeError):
            raise begun
        with render_bar(is_quiet=self._is_quiet) as bar:
            job = finish(self._client, begun, bar.show)
        return Summary(
            job_id=job.id,
            file=work.file,
            outputs=visible_paths(work.outputs, is_split=begun.is_split),
            manifest=None,
            speech_s=job.progress.audio_s,
            elapsed_s=time.monotonic() - self._started,
            chunks=job.progress.chunks_total,
            chunks_reused=job.progress.chunks_cached,
            chunks_flagged=job.progress.chunks_flagged,
            warnings=job.warnings,
        )
