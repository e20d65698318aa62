"""`rhapsode doctor`: what is installed, which engine would run, what is missing and what to do."""

import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from json import dumps as dump_json
from pathlib import Path
from typing import Annotated

import typer

from narration.errors import RhapsodeError
from narration.settings import Settings, load_settings
from rhapsode.extras import extra_of, install_command

MARK_WIDTH = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report; `remedy` is empty if all is well."""

    subject: str
    state: str
    remedy: str = ""
    is_needed: bool = True

    @property
    def is_wrong(self) -> bool:
        """It is missing, and narrating needs it."""
        return bool(self.remedy) and self.is_needed


Json = Annotated[bool, typer.Option("--json", help="The report as JSON on stdout.")]


def doctor(json: Json = False) -> None:  # noqa: FBT002 - a flag of the command line
    """Report what is installed, which engine would run, and what is missing."""
    settings = load_settings()
    findings = list(_examine(settings))
    if json:
        checks = [asdict(finding) | {"ok": not finding.remedy} for finding in findings]
        is_well = not any(finding.is_wrong for finding in findings)
        typer.echo(dump_json({"ok": is_well, "checks": checks}, indent=2))
    else:
        _show(findings)
    if any(finding.is_wrong for finding in findings):
        raise typer.Exit(1)


def _show(findings: list[Finding]) -> None:
    # Without a table, which cuts or wraps paths and commands: they shall be copied and run.
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        mark = "ok" if not finding.remedy else "MISSING" if finding.is_needed else "-"
        state = " ".join(finding.state.split())
        typer.echo(f"{mark:{MARK_WIDTH}}{finding.subject:{width}}  {state}")
        if finding.remedy:
            typer.echo(f"{'':{MARK_WIDTH}}{finding.remedy}")


def _examine(settings: Settings) -> Iterator[Finding]:
    yield Finding(subject="rhapsode", state=f"{version('rhapsode')}, Python {_python()}")
    yield _package("torch", install_command("render"))
    yield _package("vllm", "only the GPU image has it: see docs/deploy.md", is_needed=False)
    yield _package("fastapi", install_command("service"), is_needed=False)
    yield _tried("engine", lambda: _engine(settings), "see the message; RHAPSODE_MODEL__* decide")
    yield _tried(
        f"model {settings.model.checkpoint}",
        lambda: _model(settings.model.checkpoint),
        "`rhapsode models list` names those there are; RHAPSODE_MODEL__CHECKPOINT chooses",
    )
    yield _tried("data", lambda: _data_dir(settings.data_dir), "set RHAPSODE_DATA_DIR")
    if settings.database.url:
        yield _tried("database", lambda: _database(settings), "RHAPSODE_DATABASE__URL")
    if settings.broker.url:
        yield _tried("broker", lambda: _broker(settings), "RHAPSODE_BROKER__URL")
    for name in settings.storage.profiles:
        yield _tried(
            f"storage {name}", partial(_storage, settings, name), "RHAPSODE_STORAGE__PROFILES"
        )


def _package(name: str, remedy: str, *, is_needed: bool = True) -> Finding:
    try:
        return Finding(subject=name, state=version(name))
    except PackageNotFoundError:
        return Finding(subject=name, state="not installed", remedy=remedy, is_needed=is_needed)


def _tried(subject: str, examine: Callable[[], str], remedy: str) -> Finding:
    try:
        return Finding(subject=subject, state=examine())
    except ModuleNotFoundError as error:
        extra = extra_of(error.name)
        return Finding(
            subject=subject, state=str(error), remedy=install_command(extra) if extra else remedy
        )
    except (RhapsodeError, OSError, ImportError) as error:
        return Finding(subject=subject, state=str(error), remedy=remedy)


def _python() -> str:
    return f"{platform.python_version()} on {platform.system()} {platform.machine()}"


def _engine(settings: Settings) -> str:
    from worker.engine.options import EngineOptions, resolve  # noqa: PLC0415 - loads torch

    model = settings.model
    resolved = resolve(
        EngineOptions(device=model.device, back_end=model.back_end, precision=model.precision)
    )
    return f"{resolved.back_end} on {resolved.device} in {resolved.precision}"


def _model(name: str) -> str:
    from worker.chatterbox.hub import resolve_model  # noqa: PLC0415

    return str(resolve_model(name))


def _data_dir(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".write-test"
    probe.touch()
    probe.unlink()
    return str(folder)


def _database(settings: Settings) -> str:
    from narration.database import check_database, make_engine  # noqa: PLC0415
    from narration.migrate import is_current  # noqa: PLC0415

    engine = make_engine(settings.database_url, settings.database)
    check_database(engine)
    return "current" if is_current(engine) else "answers, but needs `rhapsode migrate`"


def _broker(settings: Settings) -> str:
    from narration.broker.wakeups import connect_broker  # noqa: PLC0415

    connect_broker(settings.broker).check()
    return "answers"


def _storage(settings: Settings, name: str) -> str:
    from narration.storage.profiles import open_stores  # noqa: PLC0415

    open_stores(settings).profile(name).check_writable("")
    return "writable"
