"""`rhapsode render`: text files become narrated audio on this machine."""

import signal
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

import typer

from narration.demonstration import ON_ONE_MACHINE, is_speaking
from narration.jobs.document import read_within
from narration.jobs.request import JobSettings
from narration.settings import Settings, load_settings
from narration.telemetry import set_up_logging
from narration.text.english import English
from narration.voices.recording import Recording, RecordingLimits, read_recording
from rhapsode.batch import Work, assign_outputs, run_all
from rhapsode.commands import options
from rhapsode.commands.dry_run import preview
from rhapsode.inputs import read_input
from rhapsode.interrupts import Interrupts, raise_interrupt
from rhapsode.library import VoiceLibrary
from rhapsode.machine import Machine, check_room, on_one_machine, open_machine
from rhapsode.outputs import visible_paths
from rhapsode.progress import Rendered, loading, render_bar
from rhapsode.recordings import ensure_voice
from rhapsode.rendering import Text, render_text
from rhapsode.summary import Summary

UNICODE = frozenset({"ascii", "utf-8", "utf-8-sig", "utf-16"})


def render(  # noqa: PLR0917 - Typer passes all of them by keyword
    file: options.Files,
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
    formats: options.Formats = None,
    no_watermark: options.NoWatermark = False,  # noqa: FBT002 - a flag of the command line
    dry_run: options.DryRun = False,  # noqa: FBT002
    quiet: options.Quiet = False,  # noqa: FBT002
    json: options.Json = False,  # noqa: FBT002
) -> None:
    """Narrate texts. If interrupted, run it again to continue from the finished chunks."""
    settings = _settings(model, is_watermarked=not no_watermark)
    options.require_one_title(file, title)
    works = assign_outputs(file, output, formats)
    recording = _recording(voice, settings)
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
    )
    picture = options.read_cover(cover)
    if dry_run:
        show_plan = partial(preview, settings=settings, job_settings=job_settings)
        run_all(works, show_plan, is_quiet=quiet, as_json=json)
        return
    with _Renderer(settings, job_settings, recording, picture, is_quiet=quiet) as renderer:
        run_all(
            works, renderer.render, is_quiet=quiet, as_json=json, is_over=renderer.is_engine_dead
        )
        if renderer.is_demonstration and not quiet:
            typer.echo(ON_ONE_MACHINE, err=True)


class _Renderer:
    """Renders one text after another; the model is loaded once, after the first text is read."""

    def __init__(
        self,
        settings: Settings,
        job_settings: JobSettings,
        recording: tuple[Path, Recording] | None,
        cover: bytes | None,
        *,
        is_quiet: bool,
    ) -> None:
        self._settings = settings
        self._job_settings = job_settings
        self._recording = recording
        self._cover = cover
        self._is_quiet = is_quiet
        self._stack = ExitStack()
        self._machine: Machine | None = None
        self.is_demonstration = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def is_engine_dead(self) -> bool:
        """Return whether this process cannot render any other text."""
        return self._machine is not None and self._machine.worker.has_died.is_set()

    def render(self, work: Work) -> Summary:
        """Render one text, and deliver its files."""
        started = time.monotonic()
        text = replace(self._read(work), cover=self._cover)
        machine = self._open()
        with render_bar(is_quiet=self._is_quiet) as bar:

            def show(rendered: Rendered) -> None:
                check_room(self._settings.data_dir)
                bar.show(rendered)

            job = render_text(machine, text, self._job_settings, work.outputs, show)
        self.is_demonstration |= is_speaking(job.engines)
        return Summary(
            job_id=job.id,
            file=work.file,
            outputs=visible_paths(work.outputs, is_split=self._job_settings.split is not None),
            manifest=work.outputs[0].manifest_path,
            speech_s=job.audio_ms / 1000,
            elapsed_s=time.monotonic() - started,
            chunks=job.chunks_total,
            chunks_reused=job.chunks_cached,
            chunks_flagged=job.chunks_flagged,
            warnings=job.warnings or (),
        )

    def _open(self) -> Machine:
        if self._machine is not None:
            return self._machine
        # Here, because loading torch takes long and a wrong file name should be reported before.
        from worker.model import load_model  # noqa: PLC0415

        with loading(is_quiet=self._is_quiet):
            machine = self._stack.enter_context(open_machine(self._settings, load_model))
        self._stack.enter_context(Interrupts()).arm(raise_interrupt, [signal.SIGINT])
        if self._recording is not None:
            path, decoded = self._recording
            voice_id = ensure_voice(machine, decoded, path, machine.worker.identity.revision)
            self._job_settings = self._job_settings.model_copy(update={"voice": voice_id})
        self._machine = machine
        return machine

    def _read(self, work: Work) -> Text:
        limits = self._settings.limits
        data = read_input(work.file, limits.document_size_bytes)
        options_ = self._job_settings.reading
        document = read_within(limits, data, name=work.name, media_type=None, options=options_)
        if document.encoding not in UNICODE and not self._is_quiet:
            guess = f"{work.file}: read as {document.encoding}, which is a guess"
            typer.echo(guess, err=True)
        return Text(name=work.name, media_type=document.media_type, data=data)


def _settings(model: str, *, is_watermarked: bool) -> Settings:
    settings = on_one_machine(load_settings())
    is_level_chosen = "log_level" in settings.telemetry.model_fields_set
    if not is_level_chosen:
        # A person watches a progress bar, which log lines would disrupt.
        quiet = settings.telemetry.model_copy(update={"log_level": "warning"})
        settings = settings.model_copy(update={"telemetry": quiet})
    set_up_logging(settings.telemetry)
    chosen = {"checkpoint": model, "is_watermarked": is_watermarked}
    return settings.model_copy(
        update={
            "model": settings.model.model_copy(update=chosen),
            # The jobs of `rhapsode serve` belong to another process.
            "data_dir": settings.data_dir / "render",
            "worker": settings.worker.model_copy(update={"is_warmed_up": False}),
        }
    )


def _recording(voice: str, settings: Settings) -> tuple[Path, Recording] | None:
    path = VoiceLibrary(load_settings()).recording_of(voice)
    if path is None:
        return None
    limits = RecordingLimits(max_size_bytes=settings.limits.recording_size_bytes)
    return path, read_recording(path, limits)
