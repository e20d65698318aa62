"""The optional parts of the package: which module belongs to which, and how to install it."""

import re
import shlex
import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

# Import names that differ from the requirement; a missing package cannot be asked for its own.
_IMPORT_NAMES = {
    "huggingface-hub": "huggingface_hub",
    "python-multipart": "multipart",
    "resemble-perth": "perth",
}


def extra_of(module: str | None) -> str | None:
    """Return the extra that brings a module that is missing; None if no extra does."""
    top = (module or "").partition(".")[0]
    try:
        lines = requires("rhapsode") or []
    except PackageNotFoundError:  # running from a folder that was not installed
        return None
    for line in lines:
        match = re.match(r"([A-Za-z0-9_.-]+).*extra == ['\"]([^'\"]+)['\"]", line)
        if match:
            name = re.sub(r"[-_.]+", "-", match[1]).lower()
            if _IMPORT_NAMES.get(name, name.replace("-", "_")) == top:
                return match[2]
    return None


def install_command(extra: str) -> str:
    """Return the command that installs an extra, from the clone where this runs from one."""
    root = Path(__file__).parents[1]
    is_clone = (root / "pyproject.toml").is_file()
    what = f"{root}[{extra}]" if is_clone else f"rhapsode[{extra}]"
    return shlex.join([sys.executable, "-m", "pip", "install", what])
