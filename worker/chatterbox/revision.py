"""Identifies a checkpoint by one digest over its files, cached between runs."""

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_MEMO = ".digests.json"


def digest_files(folder: Path, names: Iterable[str]) -> str:
    """SHA-256 over the names and contents of those files that exist.

    Reading gigabytes takes seconds, so each file's digest is kept in the folder (where that can
    be written) together with its size and time of change.
    """
    memo = _read_memo(folder)
    fresh = {
        name: _digest_file(folder / name, memo.get(name))
        for name in sorted(names)
        if (folder / name).exists()
    }
    if fresh != memo:
        _write_memo(folder, fresh)
    digest = hashlib.sha256()
    for name, entry in fresh.items():
        digest.update(f"{name} {entry.split()[-1]}\n".encode())
    return digest.hexdigest()


def _digest_file(path: Path, remembered: object) -> str:
    """Size, time of change and digest of a file, the last from `remembered` if the others agree."""
    status = path.stat()
    stamp = f"{status.st_size} {status.st_mtime_ns} "
    if isinstance(remembered, str) and remembered.startswith(stamp):
        return remembered
    with path.open("rb") as file:
        return stamp + hashlib.file_digest(file, "sha256").hexdigest()


def _read_memo(folder: Path) -> dict[str, object]:
    try:
        content = json.loads((folder / _MEMO).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write_memo(folder: Path, memo: dict[str, str]) -> None:
    draft = folder / f"{_MEMO}.part"
    with suppress(OSError):  # in a read-only folder the next run only has to hash again
        draft.write_text(json.dumps(memo), encoding="utf-8")
        draft.replace(folder / _MEMO)
