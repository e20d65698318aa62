"""Progress on stderr: a bar on a terminal, nothing elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

MEMORY_S = 600.0  # a chunk may take minutes, but rich forgets speeds after 30 s by default


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The progress of a job; `audio_s` counts the speech that exists already."""

    state: str
    chunks_done: int
    chunks_total: int
    audio_s: float
    elapsed_s: float

    @property
    def speed(self) -> float:
        """Seconds of speech per second of waiting."""
        return self.audio_s / self.elapsed_s if self.elapsed_s > 0 else 0.0


class RenderBar:
    """The bar of `rhapsode render` and `rhapsode submit`."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("queued", total=None, audio="", speed="")

    def show(self, rendered: Rendered) -> None:
        """Draw the current state."""
        self._progress.update(
            self._task,
            description=rendered.state,
            completed=rendered.chunks_done,
            total=rendered.chunks_total or None,
            audio=f"{format_duration(rendered.audio_s)} of speech",
            speed=f"{rendered.speed:.1f}x",
        )


@contextmanager
def render_bar(*, is_quiet: bool) -> Iterator[RenderBar]:
    """Show chunks, speech, speed and remaining time, on stderr."""
    columns: list[ProgressColumn] = [
        TextColumn("{task.description:<10}"),
        BarColumn(),
        _Chunks(),
        TextColumn("{task.fields[audio]}"),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(compact=True),
    ]
    with _progress(*columns, is_quiet=is_quiet) as progress:
        yield RenderBar(progress)


@contextmanager
def loading(*, is_quiet: bool) -> Iterator[None]:
    """Say on stderr, if it is a terminal, that the model is being loaded."""
    console = Console(stderr=True)
    if is_quiet or not console.is_terminal:
        yield
    else:
        with console.status("Loading the model…"):
            yield


@contextmanager
def download_bar() -> Iterator[Progress]:
    """Show bytes and speed of downloads, on stderr."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with _progress(*columns, TransferSpeedColumn(), is_quiet=False) as progress:
        yield progress


def _progress(*columns: ProgressColumn, is_quiet: bool) -> Progress:
    console = Console(stderr=True)
    return Progress(
        *columns,
        console=console,
        speed_estimate_period=MEMORY_S,
        disable=is_quiet or not console.is_terminal,
    )


class _Chunks(ProgressColumn):
    def render(self, task: Task) -> Text:
        total = "?" if task.total is None else f"{task.total:.0f}"
        return Text(f"{task.completed:.0f}/{total} chunks")


def format_duration(duration_s: float) -> str:
    """Format seconds as h:mm:ss, or m:ss below an hour."""
    minutes, seconds = divmod(round(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
