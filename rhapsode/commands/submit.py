"""`rhapsode submit`: a server narrates a file; the audio arrives here."""

import time
from pathlib import Path
from typing import Annotated

import typer

from narration.job_settings import DeliverySettings, JobSettings
from narration.settings import load_settings
from rhapsode.outputs import check_outputs
from rhapsode.progress import format_duration, render_bar

File = Annotated[Path, typer.Argument(help="The text: .txt or .md.", show_default=False)]
Out = Annotated[
    list[Path],
    typer.Option("-o", "--output", help="The audio file; may be given once per format."),
]
ServerUrl = Annotated[
    str | None, typer.Option("--server", help="Instead of RHAPSODE_CLIENT__SERVER.")
]
Voice = Annotated[
    str, typer.Option(help="A voice of the server, or a recording of five seconds or more.")
]
Exaggeration = Annotated[float, typer.Option(min=0, max=2, help="How expressive; 0.5 is neutral.")]
CfgWeight = Annotated[float, typer.Option(min=0, max=2, help="How closely to follow the text.")]
Temperature = Annotated[float, typer.Option(min=0, max=5, help="How varied; 0 is always the same.")]
Seed = Annotated[int, typer.Option(min=0, help="Another seed, another reading.")]
Priority = Annotated[int, typer.Option(min=0, max=9, help="The greater goes first.")]
Prefix = Annotated[str, typer.Option(help="The folder in the server's bucket.")]
Profile = Annotated[str, typer.Option(help="The server's storage profile.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")]


def submit(  # noqa: PLR0917 - Typer passes all of them by keyword
    file: File,
    output: Out,
    server: ServerUrl = None,
    voice: Voice = "default",
    exaggeration: Exaggeration = 0.5,
    cfg_weight: CfgWeight = 0.5,
    temperature: Temperature = 0.8,
    seed: Seed = 0,
    priority: Priority = 5,
    prefix: Prefix = "",
    profile: Profile = "default",
    quiet: Quiet = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Send FILE to a server. Interrupted and run again, it finds its job and goes on.

    A server with keys wants one in RHAPSODE_CLIENT__KEY.
    """
    from rhapsode.server import Server  # noqa: PLC0415 - the other commands need no HTTP
    from rhapsode.submit import Order  # noqa: PLC0415
    from rhapsode.submit import submit as run  # noqa: PLC0415

    started = time.monotonic()
    outputs = check_outputs(output, None)
    is_recording = Path(voice).is_file()
    order = Order(
        file=file,
        outputs=outputs,
        recording=Path(voice) if is_recording else None,
        prefix=prefix,
        profile=profile,
        settings=JobSettings(
            voice="default" if is_recording else voice,
            delivery=DeliverySettings(
                exaggeration=exaggeration, cfg_weight=cfg_weight, temperature=temperature
            ),
            seed=seed,
            priority=priority,
            outputs=tuple(out.format for out in outputs),
        ),
    )
    client = load_settings().client
    key = client.key.get_secret_value() if client.key else None
    connection = Server(server or client.server, key)
    try:
        with render_bar(is_quiet=quiet) as bar:
            job = run(connection, order, bar.show)
    finally:
        connection.close()
    if not quiet:
        speech = format_duration(job["progress"]["audio_s"])
        elapsed = format_duration(time.monotonic() - started)
        names = ", ".join(str(out.path) for out in outputs)
        typer.echo(f"{names}: {speech} of speech, {elapsed} elapsed, job {job['id']}")
