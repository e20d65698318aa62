"""The optional extras of the package: which module belongs to which, and how to install it."""

import re
import shlex
import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

# Import names that differ from the requirement, since a missing package cannot be inspected.
_IMPORT_NAMES = {
    "huggingface-hub": "huggingface_hub",
    "python-multipart": "multipart",
    "resemble-perth": "perth",
}


def extra_of(module: str | None) -> str | None:
    """Return the extra that provides a missing module; None if no extra does."""
    top = (module or "").partition(".")[0]
    try:
        lines = requires("rhapsode") or []
    except PackageNotFoundError:  # running from a folder, without an installed package
        return None
    for line in lines:
        match = re.match(r"([A-Za-z0-9_.-]+).*extra == ['\"]([^'\"]+)['\"]", line)
        if match:
            name = re.sub(r"[-_.]+", "-", match[1]).lower()
            if _IMPORT_NAMES.get(name, name.replace("-", "_")) == top:
                return match[2]
    return None


def install_command(extra: str) -> str:
    """Return the command that installs an extra, from the clone if running from one."""
    root = Path(__file__).parents[1]
    is_clone = (root / "pyproject.toml").is_file()
    what = f"{root}[{extra}]" if is_clone else f"rhapsode[{extra}]"
    return shlex.join([sys.executable, "-m", "pip", "install", what])
