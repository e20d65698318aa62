"""Environment variables that others read; our own are read in `settings`. Imports nothing slow."""

import os


def set_for_library(name: str, value: str) -> None:
    """Set an environment variable that a library or Python itself reads, unless it is set."""
    os.environ.setdefault(name, value)
