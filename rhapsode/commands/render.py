"""`rhapsode render`: a text file becomes narrated audio on this machine."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import typer

from narration.documents.read import read_document
from narration.errors import DocumentError
from narration.jobs.record import Job
from narration.jobs.request import JobSettings
from narration.settings import Settings, load_settings
from narration.telemetry import set_up_logging
from narration.text.english import English
from narration.voices.recording import Recording, RecordingLimits, read_recording
from rhapsode.commands import options
from rhapsode.inputs import read_input
from rhapsode.library import VoiceLibrary
from rhapsode.machine import check_room, on_one_machine, open_machine
from rhapsode.outputs import Output, check_outputs
from rhapsode.progress import Rendered, format_duration, render_bar
from rhapsode.recordings import ensure_voice
from rhapsode.rendering import Text, render_text

UNICODE = frozenset({"ascii", "utf-8", "utf-8-sig", "utf-16"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What was done, for the last line or for a script."""

    job: Job
    outputs: list[Output]
    elapsed_s: float

    def line(self) -> str:
        """Return one line for a person."""
        audio_s = self.job.audio_ms / 1000
        flagged = f", {self.job.chunks_flagged} flagged" if self.job.chunks_flagged else ""
        return (
            f"{', '.join(str(output.path) for output in self.outputs)}: "
            f"{format_duration(audio_s)} of speech in {self.job.chunks_total} chunks{flagged}, "
            f"{format_duration(self.elapsed_s)} elapsed, {audio_s / self.elapsed_s:.1f}x real time"
        )

    def as_json(self) -> str:
        """Return the same for a script."""
        return json.dumps(
            {
                "outputs": [str(output.path) for output in self.outputs],
                "manifest": str(self.outputs[0].manifest_path),
                "speech_s": self.job.audio_ms / 1000,
                "elapsed_s": round(self.elapsed_s, 3),
                "chunks": self.job.chunks_total,
                "chunks_reused": self.job.chunks_cached,
                "chunks_flagged": self.job.chunks_flagged,
            }
        )


def render(  # noqa: PLR0917 - Typer passes all of them by keyword
    file: options.File,
    output: options.Out,
    model: options.Model = "demo",
    voice: options.Voice = "default",
    exaggeration: options.Exaggeration = 0.5,
    cfg_weight: options.CfgWeight = 0.5,
    temperature: options.Temperature = 0.8,
    seed: options.Seed = 0,
    max_chars: options.MaxChars = 280,
    english: options.EnglishOption = English.AMERICAN,
    format: options.Format = None,  # noqa: A002 - the option is called --format
    no_watermark: options.NoWatermark = False,  # noqa: FBT002 - a flag of the command line
    quiet: options.Quiet = False,  # noqa: FBT002
    json: options.Json = False,  # noqa: FBT002
) -> None:
    """Narrate FILE. Interrupted and run again, it goes on from the finished chunks."""
    started = time.monotonic()
    settings = _settings(model, is_watermarked=not no_watermark)
    outputs = check_outputs(output, format)
    text = _read_text(file, settings, is_quiet=quiet)
    recording = _recording(voice, settings)
    job_settings = options.job_settings(
        outputs=outputs,
        voice=voice if recording is None else "default",
        exaggeration=exaggeration,
        cfg_weight=cfg_weight,
        temperature=temperature,
        seed=seed,
        max_chars=max_chars,
        english=english,
    )
    job = _render(settings, text, job_settings, outputs, recording, is_quiet=quiet)
    summary = Summary(job=job, outputs=outputs, elapsed_s=time.monotonic() - started)
    if json:
        typer.echo(summary.as_json())
    elif not quiet:
        typer.echo(summary.line())


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

    with open_machine(settings, load_model) as machine:
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


def _read_text(file: Path, settings: Settings, *, is_quiet: bool) -> Text:
    limits = settings.limits
    data = read_input(file, limits.document_size_bytes)
    document = read_document(
        data, name=file.name, media_type=None, max_bytes=limits.document_size_bytes
    )
    if len(document.source) > limits.document_chars:
        raise DocumentError(
            f"{file} has {len(document.source):,} characters but the limit is "
            f"{limits.document_chars:,}: render it in parts"
        )
    if document.encoding not in UNICODE and not is_quiet:
        typer.echo(f"{file}: read as {document.encoding}, which is a guess", err=True)
    return Text(name=file.name, media_type=document.media_type, data=data)


def _recording(voice: str, settings: Settings) -> tuple[Path, Recording] | None:
    path = VoiceLibrary(load_settings()).recording_of(voice)
    if path is None:
        return None
    limits = RecordingLimits(max_size_bytes=settings.limits.recording_size_bytes)
    return path, read_recording(path, limits)
