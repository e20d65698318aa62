"""`rhapsode render`: a text file becomes narrated audio on this machine."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from narration.documents.read import read_document
from narration.errors import DocumentError
from narration.job_settings import DeliverySettings, JobSettings
from narration.models import Job
from narration.recording import Recording, RecordingLimits, read_recording
from narration.settings import Settings, load_settings
from narration.telemetry import set_up_logging
from rhapsode.library import VoiceLibrary
from rhapsode.machine import on_one_machine, open_machine
from rhapsode.outputs import Output, check_outputs
from rhapsode.progress import format_duration, render_bar
from rhapsode.recordings import ensure_voice
from rhapsode.rendering import Text, render_text

File = Annotated[Path, typer.Argument(help="The text: .txt or .md.", show_default=False)]
Out = Annotated[
    list[Path],
    typer.Option("-o", "--output", help="The audio file; may be given once per format."),
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
Format = Annotated[
    str | None, typer.Option(help="Instead of the file's ending.", show_default=False)
]
NoWatermark = Annotated[bool, typer.Option("--no-watermark", help="Leave the inaudible mark out.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")]
Json = Annotated[bool, typer.Option("--json", help="The summary as JSON on stdout.")]


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
    file: File,
    output: Out,
    model: Model = "demo",
    voice: Voice = "default",
    exaggeration: Exaggeration = 0.5,
    cfg_weight: CfgWeight = 0.5,
    temperature: Temperature = 0.8,
    seed: Seed = 0,
    max_chars: MaxChars = 280,
    format: Format = None,  # noqa: A002 - the option is called --format
    no_watermark: NoWatermark = False,  # noqa: FBT002 - a flag of the command line
    quiet: Quiet = False,  # noqa: FBT002
    json: Json = False,  # noqa: FBT002
) -> None:
    """Narrate FILE. Interrupted and run again, it goes on from the finished chunks."""
    started = time.monotonic()
    settings = _settings(model, is_watermarked=not no_watermark)
    outputs = check_outputs(output, format)
    text = _read_text(file, settings)
    recording = _recording(voice, settings)
    asked = JobSettings(
        voice=voice if recording is None else "default",
        delivery=DeliverySettings(
            exaggeration=exaggeration, cfg_weight=cfg_weight, temperature=temperature
        ),
        seed=seed,
        max_chars=max_chars,
        outputs=tuple(out.format for out in outputs),
    )
    job = _render(settings, text, asked, outputs, recording, is_quiet=quiet)
    summary = Summary(job=job, outputs=outputs, elapsed_s=time.monotonic() - started)
    if json:
        typer.echo(summary.as_json())
    elif not quiet:
        typer.echo(summary.line())


def _render(
    settings: Settings,
    text: Text,
    asked: JobSettings,
    outputs: list[Output],
    recording: tuple[Path, Recording] | None,
    *,
    is_quiet: bool,
) -> Job:
    # torch is loaded here: a wrong file name is answered long before.
    from rhapsode.speaker import open_speaker  # noqa: PLC0415

    with open_machine(settings, open_speaker) as machine:
        if recording is not None:
            path, heard = recording
            voice_id = ensure_voice(machine, heard, path, machine.station.identity.revision)
            asked = asked.model_copy(update={"voice": voice_id})
        with render_bar(is_quiet=is_quiet) as bar:
            return render_text(machine, text, asked, outputs, bar.show)


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


def _read_text(file: Path, settings: Settings) -> Text:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DocumentError(
            f"{file} cannot be read ({error.strerror}): name a text file that is there"
        ) from error
    limits = settings.limits
    document = read_document(
        data, name=file.name, media_type=None, max_bytes=limits.document_size_bytes
    )
    if len(document.source) > limits.document_chars:
        raise DocumentError(
            f"{file} has {len(document.source):,} characters but the limit is "
            f"{limits.document_chars:,}: render it in parts"
        )
    return Text(name=file.name, media_type=document.media_type, data=data)


def _recording(voice: str, settings: Settings) -> tuple[Path, Recording] | None:
    """Read the recording that `voice` names: a file, or one that was kept; None for a name."""
    path = VoiceLibrary(load_settings()).find(voice)
    if path is None:
        path = Path(voice)
        if not path.suffix and len(path.parts) == 1:
            return None
    limits = RecordingLimits(max_size_bytes=settings.limits.recording_size_bytes)
    return path, read_recording(path, limits)
