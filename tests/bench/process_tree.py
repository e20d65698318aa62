"""CPU time and memory of a process and its descendants, from /proc."""

import os
from contextlib import suppress
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def family(pid: int | None = None) -> list[int]:
    """Return the ids of a process, by default this one, and of its descendants."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(path.parent.name)] = int(_fields(path)[1])
    found = [pid or os.getpid()]
    for parent in found:
        found += [child for child, its_parent in parents.items() if its_parent == parent]
    return found


def cpu_s(pid: int | None = None) -> float:
    """Return the CPU time of a process and its descendants, including those that ended."""
    ticks = 0
    for one in family(pid):
        with suppress(OSError):
            ticks += sum(map(int, _fields(Path(f"/proc/{one}/stat"))[11:15]))
    return ticks / _TICKS_PER_S


def memory_mb(pids: list[int]) -> float:
    """Return the memory of processes; shared memory counts once if the kernel reports it."""
    return sum(map(_memory_kb, pids)) / 1024


def _memory_kb(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES / 1024
    return 0.0


def _fields(stat: Path) -> list[str]:
    """Return the fields after the name, which start with the third one of `man 5 proc`."""
    return stat.read_text().rpartition(") ")[2].split()
