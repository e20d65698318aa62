"""Several texts in one command: where each is written, and continuing after a failure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import typer

from narration.errors import OutputError, RhapsodeError, TransientError
from narration.jobs.request import OutputFormat
from rhapsode.exit_codes import EXIT_REFUSED, EXIT_TRY_AGAIN
from rhapsode.inputs import STDIN, STDIN_NAME
from rhapsode.option_names import explain
from rhapsode.outputs import Output, check_outputs
from rhapsode.summary import Failure

USUAL_FORMAT = OutputFormat.M4B.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One text of a command, and its output files."""

    file: Path
    outputs: list[Output]

    @property
    def name(self) -> str:
        """The name of the text, which decides how it is read."""
        return STDIN_NAME if self.file == STDIN else self.file.name


class Result(Protocol):
    """The result of a text that succeeded."""

    def show(self, *, is_quiet: bool, as_json: bool) -> None:
        """Print it in the requested form."""


def assign_outputs(
    files: Sequence[Path], output: Sequence[Path] | None, formats: Sequence[str] | None
) -> list[Work]:
    """Decide where each text is written, after checking that it can be.

    Several texts are written to one folder, each under its own name in every format; so is a single
    text if the output is an existing folder.
    Raises: OutputError.
    """
    if len(files) == 1 and output and not _is_folder(output):
        if formats and len(formats) > 1:
            raise OutputError("--format was given twice: with -o FILE give each format its own -o")
        works = {files[0]: check_outputs([*output], formats[0] if formats else None)}
    else:
        folder = _folder(output, is_wanted=len(files) > 1)
        works = {
            file: check_outputs(_in_folder(folder, file, formats or (USUAL_FORMAT,)), None)
            for file in files
        }
    _require_distinct(works)
    return [Work(file=file, outputs=outputs) for file, outputs in works.items()]


def run_all(
    works: Sequence[Work],
    narrate: Callable[[Work], Result],
    *,
    is_quiet: bool,
    as_json: bool,
    is_over: Callable[[], bool] = lambda: False,
) -> None:
    """Narrate one text after another; a failure is reported, and the others continue.

    `is_over` says that no other text can succeed either, and stops.
    Raises: what the only text raises; typer.Exit with 75 if all that failed may succeed later, and
    with 1 otherwise.
    """
    failures: list[RhapsodeError] = []
    for work in works:
        try:
            outcome = narrate(work)
        except RhapsodeError as error:
            if as_json:
                typer.echo(Failure(file=work.file, error=error).as_json())
            if len(works) == 1:
                raise
            typer.echo(f"rhapsode: {work.file}: {explain(error)}", err=True)
            failures.append(error)
            if is_over():
                break
        else:
            outcome.show(is_quiet=is_quiet, as_json=as_json)
    if failures:
        if not is_quiet:
            typer.echo(f"rhapsode: {len(failures)} of {len(works)} texts failed", err=True)
        is_temporary = all(isinstance(error, TransientError) for error in failures)
        raise typer.Exit(EXIT_TRY_AGAIN if is_temporary else EXIT_REFUSED)


def _is_folder(output: Sequence[Path]) -> bool:
    return len(output) == 1 and output[0].is_dir()


def _folder(output: Sequence[Path] | None, *, is_wanted: bool) -> Path:
    if not output:
        return Path()
    if len(output) > 1:
        raise OutputError(
            "several texts go into one folder: name it once with -o, and formats with --format"
        )
    (folder,) = output
    if is_wanted:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{folder} cannot be the folder for several texts ({error.strerror}): name another "
                "with -o, and formats with --format"
            ) from error
    return folder


def _in_folder(folder: Path, file: Path, formats: Sequence[str]) -> list[Path]:
    if file == STDIN:
        raise OutputError("a text from standard input has no name: say where with -o FILE")
    return [folder / f"{file.stem}.{format_.lower()}" for format_ in formats]


def _require_distinct(works: dict[Path, list[Output]]) -> None:
    paths: dict[Path, Path] = {}
    for file, outputs in works.items():
        for output in outputs:
            # Captions of all formats share one manifest, but two texts must not.
            first = paths.setdefault(output.manifest_path, file)
            if first != file:
                raise OutputError(
                    f"{first} and {file} would both become {output.path}: rename one of them, or "
                    "give each a command and folder of its own"
                )
