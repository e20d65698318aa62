"""`rhapsode render`: a text file becomes narrated audio on this machine."""

import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import typer

from narration.demonstration import ON_ONE_MACHINE, is_speaking
from narration.jobs.document import read_within
from narration.jobs.record import Job
from narration.jobs.request import JobSettings, ReadingOptions
from narration.settings import Settings, load_settings
from narration.telemetry import set_up_logging
from narration.text.english import English
from narration.voices.recording import Recording, RecordingLimits, read_recording
from rhapsode.commands import options
from rhapsode.commands.summary import Summary
from rhapsode.inputs import STDIN, STDIN_NAME, read_input
from rhapsode.library import VoiceLibrary
from rhapsode.machine import check_room, on_one_machine, open_machine
from rhapsode.outputs import Output, check_outputs, told_places
from rhapsode.progress import Rendered, loading, render_bar
from rhapsode.recordings import ensure_voice
from rhapsode.rendering import Text, render_text

UNICODE = frozenset({"ascii", "utf-8", "utf-8-sig", "utf-16"})


def render(  # noqa: PLR0917 - Typer passes all of them by keyword
    file: options.File,
    output: options.Out = None,
    model: options.Model = "demo",
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
    no_watermark: options.NoWatermark = False,  # noqa: FBT002 - a flag of the command line
    quiet: options.Quiet = False,  # noqa: FBT002
    json: options.Json = False,  # noqa: FBT002
) -> None:
    """Narrate FILE. Interrupted and run again, it goes on from the finished chunks."""
    started = time.monotonic()
    settings = _settings(model, is_watermarked=not no_watermark)
    outputs = check_outputs(options.output_paths(output, file), format)
    recording = _recording(voice, settings)
    job_settings = options.job_settings(
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
    )
    text = _read_text(file, settings, job_settings.reading, is_quiet=quiet)
    text = replace(text, cover=options.read_cover(cover))
    job = _render(settings, text, job_settings, outputs, recording, is_quiet=quiet)
    summary = Summary(
        job_id=job.id,
        outputs=told_places(outputs, is_split=split is not None),
        manifest=outputs[0].manifest_path,
        speech_s=job.audio_ms / 1000,
        elapsed_s=time.monotonic() - started,
        chunks=job.chunks_total,
        chunks_reused=job.chunks_cached,
        chunks_flagged=job.chunks_flagged,
        warnings=[warning.model_dump() for warning in job.warnings or ()],
    )
    summary.show(is_quiet=quiet, as_json=json)
    if is_speaking(job.engines) and not quiet:
        typer.echo(ON_ONE_MACHINE, err=True)


def _render(
    settings: Settings,
    text: Text,
    job_settings: JobSettings,
    outputs: list[Output],
    recording: tuple[Path, Recording] | None,
    *,
    is_quiet: bool,
) -> Job:
    # torch is loaded here: a wrong file name is answered long before.
    from worker.model import load_model  # noqa: PLC0415

    with ExitStack() as stack:
        with loading(is_quiet=is_quiet):
            machine = stack.enter_context(open_machine(settings, load_model))
        if recording is not None:
            path, decoded = recording
            voice_id = ensure_voice(machine, decoded, path, machine.worker.identity.revision)
            job_settings = job_settings.model_copy(update={"voice": voice_id})
        with render_bar(is_quiet=is_quiet) as bar:

            def show(rendered: Rendered) -> None:
                check_room(settings.data_dir)
                bar.show(rendered)

            return render_text(machine, text, job_settings, outputs, show)


def _settings(model: str, *, is_watermarked: bool) -> Settings:
    settings = on_one_machine(load_settings())
    is_level_chosen = "log_level" in settings.telemetry.model_fields_set
    if not is_level_chosen:
        # A person watches a progress bar; the narrative of the machinery would tear it.
        quiet = settings.telemetry.model_copy(update={"log_level": "warning"})
        settings = settings.model_copy(update={"telemetry": quiet})
    set_up_logging(settings.telemetry)
    chosen = {"checkpoint": model, "is_watermarked": is_watermarked}
    return settings.model_copy(
        update={
            "model": settings.model.model_copy(update=chosen),
            # Jobs of `rhapsode serve` are another process's work.
            "data_dir": settings.data_dir / "render",
            "worker": settings.worker.model_copy(update={"is_warmed_up": False}),
        }
    )


def _read_text(file: Path, settings: Settings, reading: ReadingOptions, *, is_quiet: bool) -> Text:
    limits = settings.limits
    data = read_input(file, limits.document_size_bytes)
    name = STDIN_NAME if file == STDIN else file.name
    document = read_within(limits, data, name=name, media_type=None, options=reading)
    if document.encoding not in UNICODE and not is_quiet:
        typer.echo(f"{file}: read as {document.encoding}, which is a guess", err=True)
    return Text(name=name, media_type=document.media_type, data=data)


def _recording(voice: str, settings: Settings) -> tuple[Path, Recording] | None:
    path = VoiceLibrary(load_settings()).recording_of(voice)
    if path is None:
        return None
    limits = RecordingLimits(max_size_bytes=settings.limits.recording_size_bytes)
    return path, read_recording(path, limits)
