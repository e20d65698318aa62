"""Identifies a checkpoint by one digest over its files, cached between runs."""

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_MEMO = ".digests.json"


def digest_files(folder: Path, names: Iterable[str]) -> str:
    """Return the SHA-256 over the names and contents of those files that exist.

    Reading gigabytes takes seconds, so each file's digest is cached in the folder (if it is
    writable) with its size and modification time.
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
    """Return a file's size, modification time and digest; the digest is cached in `remembered`."""
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
    with suppress(OSError):  # in a read-only folder the next run hashes the files again
        draft.write_text(json.dumps(memo), encoding="utf-8")
        draft.replace(folder / _MEMO)
