"""The `rhapsode` command: from its start to one line and an exit code.

The commands are imported when it runs, and import their own modules when they run, so that Ctrl-C,
`rhapsode --help` and a mistyped file name answer immediately, without loading torch.

Exit codes: 0 done, 1 cannot be done as requested, 2 wrong usage, 70 the engine died,
75 try again later, 130 interrupted.
"""

import sys

from narration.environment import set_for_library
from narration.errors import RhapsodeError, TransientError
from narration.memory import share_heaps
from rhapsode.exit_codes import EXIT_INTERRUPTED, EXIT_REFUSED, EXIT_TRY_AGAIN
from rhapsode.interrupts import HOW_TO_GO_ON, end_at_once_on_interrupt


def main() -> None:
    """Run the command line; every expected failure is one line on stderr."""
    end_at_once_on_interrupt()
    # Processes that we start must not import modules of the current folder instead of ours.
    set_for_library("PYTHONSAFEPATH", "1")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    share_heaps()
    from rhapsode.extras import install_command, missing_extras  # noqa: PLC0415
    from rhapsode.option_names import explain  # noqa: PLC0415

    try:
        from rhapsode.commands.app import app  # noqa: PLC0415 - takes a second or more

        app(arguments)
    except SystemExit as end:  # Typer's way to report usage, help and Ctrl-C
        if end.code == EXIT_INTERRUPTED:
            _report(HOW_TO_GO_ON)
        return end.code if isinstance(end.code, int) else EXIT_REFUSED if end.code else 0
    except ModuleNotFoundError as error:
        extras = missing_extras(error.name, next(iter(arguments), ""))
        if not extras:
            raise
        _report(f"this needs {error.name}: {install_command(*extras)}")
        return EXIT_REFUSED
    except RhapsodeError as error:
        _report(explain(error))
        return EXIT_TRY_AGAIN if isinstance(error, TransientError) else EXIT_REFUSED
    return 0


def _report(reason: str) -> None:
    """Print a last line for people, or log a last event for machines."""
    from narration.settings import TelemetrySettings, is_logged_as_json  # noqa: PLC0415

    if not is_logged_as_json():
        print(f"rhapsode: {reason}", file=sys.stderr)  # noqa: T201
        return
    import structlog  # noqa: PLC0415

    from narration.telemetry import set_up_logging  # noqa: PLC0415

    set_up_logging(TelemetrySettings(log_format="json"))
    structlog.get_logger(__name__).error("command_failed", reason=reason)
