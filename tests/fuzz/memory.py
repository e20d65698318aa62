"""Memory of a process and all that it started, from the kernel's tables."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
MIB = 1 << 20
GROWTH_SHARE, GROWTH_MIB = 0.1, 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    pid: int
    parent: int
    resident_bytes: int
    name: str


def resident_mib(roots: Mapping[str, int]) -> dict[str, float]:
    """Return the resident memory below each named process; of several readers, the largest."""
    children = defaultdict(list)
    for process in _processes():
        children[process.parent].append(process)
    largest: dict[str, float] = defaultdict(float)
    for root, pid in roots.items():
        waiting = [process for process in _processes() if process.pid == pid]
        while waiting:
            process = waiting.pop()
            name = root if process.pid == pid else f"{root}: {process.name}"
            largest[name] = max(largest[name], process.resident_bytes / MIB)
            waiting += children[process.pid]
    return dict(largest)


def grown(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return by how much each process grew that is not flat, in MiB."""
    return {
        name: after[name] - size
        for name, size in before.items()
        if name in after and after[name] > size * (1 + GROWTH_SHARE) + GROWTH_MIB
    }


def _processes() -> list[Process]:
    return [process for folder in PROC.glob("[0-9]*") if (process := _read(folder)) is not None]


def _read(folder: Path) -> Process | None:
    try:
        lines = (folder / "status").read_text().splitlines()
    except OSError:  # it has ended
        return None
    fields = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    if "VmRSS" not in fields:
        return None
    return Process(
        pid=int(folder.name),
        parent=int(fields["PPid"][0]),
        resident_bytes=int(fields["VmRSS"][0]) * 1024,
        name=" ".join(fields["Name"]),
    )
