"""The optional extras of the package: which module belongs to which, and how to install it."""

import re
import shlex
import sys
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec
from pathlib import Path

# Import names that differ from the requirement, since a missing package cannot be inspected.
_IMPORT_NAMES = {
    "huggingface-hub": "huggingface_hub",
    "python-multipart": "multipart",
    "resemble-perth": "perth",
}


# Most commands need one extra at most; these need several, which are then named together.
_EXTRAS_OF_COMMANDS = {"serve": ("render", "service"), "worker": ("render", "service")}


def extra_of(module: str | None) -> str | None:
    """Return the extra that provides a missing module; None if no extra does."""
    top = (module or "").partition(".")[0]
    return next((extra for extra, modules in _modules() if top in modules), None)


def missing_extras(module: str | None, command: str) -> list[str]:
    """Return the extras to install so that a command finds this module and all others it needs."""
    extra = extra_of(module)
    if extra is None:
        return []
    needed = _EXTRAS_OF_COMMANDS.get(command, ())
    incomplete = {
        name for name, modules in _modules() if name in needed and not all(map(_is_found, modules))
    }
    return sorted({extra} | incomplete)


def _modules() -> list[tuple[str, list[str]]]:
    """Return each extra with the modules that it provides."""
    try:
        lines = requires("rhapsode") or []
    except PackageNotFoundError:  # running from a folder, without an installed package
        return []
    modules: dict[str, list[str]] = {}
    for line in lines:
        match = re.match(r"([A-Za-z0-9_.-]+).*extra == ['\"]([^'\"]+)['\"]", line)
        if match:
            name = re.sub(r"[-_.]+", "-", match[1]).lower()
            module = _IMPORT_NAMES.get(name, name.replace("-", "_"))
            modules.setdefault(match[2], []).append(module)
    return list(modules.items())


def _is_found(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def install_command(*extras: str) -> str:
    """Return the command that installs extras, from the clone if running from one."""
    root = Path(__file__).parents[1]
    is_clone = (root / "pyproject.toml").is_file()
    what = f"{root if is_clone else 'rhapsode'}[{','.join(extras)}]"
    return shlex.join([sys.executable, "-m", "pip", "install", what])
