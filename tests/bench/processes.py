"""The processes that a worker starts: how much they compute, and what memory all of them hold."""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

LOOK_S = 1.0


class PeakMemory:
    """The most memory that this process and the ones it started to work had at once."""

    def __init__(self) -> None:
        self.cpu_s = 0.0  # what looking takes
        self._most = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> int:
        self._is_over.set()
        self._thread.join()
        return self._most

    def _watch(self) -> None:
        while not self._is_over.wait(LOOK_S):
            pids = [os.getpid(), *helpers()]
            self._most = max(self._most, sum(map(resident_bytes, pids)))
            self.cpu_s = time.thread_time()


def helpers() -> list[int]:
    """The server that starts processes, and those it started for this process."""
    parents = {
        int(path.parent.name): stat_of(path)[1] for path in Path("/proc").glob("[0-9]*/stat")
    }
    servers = [
        pid for pid, parent in parents.items() if parent == str(os.getpid()) and is_server(pid)
    ]
    return servers + [pid for pid, parent in parents.items() if int(parent or 0) in servers]


def is_server(pid: int) -> bool:
    with suppress(OSError):
        return b"multiprocessing.forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def stat_of(path: Path) -> list[str]:
    """The fields from the third on; none of a process that is gone."""
    with suppress(OSError):
        return path.read_text().rpartition(") ")[2].split()
    return ["", "", *13 * ["0"]]


def helpers_cpu_s() -> float:
    """What they have computed, in seconds."""
    ticks = 0
    for pid in helpers():
        ticks += sum(map(int, stat_of(Path(f"/proc/{pid}/stat"))[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return 0


def wait_for_processes(count: int) -> None:
    """Wait until those that store takes are up: a worker's are while its model loads."""
    ends_at = time.monotonic() + 60
    while count and len(helpers()) <= count and time.monotonic() < ends_at:
        time.sleep(0.05)
    time.sleep(2.0 if count else 0.0)
