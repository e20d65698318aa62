"""Exit codes of the `rhapsode` command, besides Typer's for wrong usage and the engine's own."""

EXIT_REFUSED = 1
EXIT_TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h
EXIT_INTERRUPTED = 130  # 128 + SIGINT, the convention of shells
