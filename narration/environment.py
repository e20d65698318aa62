"""Sets environment variables that libraries read; imports nothing slow. Ours are in `settings`."""

import os


def set_for_library(name: str, value: str) -> None:
    """Set an environment variable that a library or Python itself reads, unless it is set."""
    os.environ.setdefault(name, value)
