"""CPU time and memory of the processes that a worker starts."""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests.bench.process_tree import cpu_s, family, memory_mb

LOOK_S = 1.0


class PeakMemory:
    """The peak memory of this process and those it started for work, together."""

    def __init__(self) -> None:
        self.cpu_s = 0.0  # since sampling takes time itself
        self.most = self.most_here = 0  # bytes: of all together, and of this process
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(LOOK_S):
            here, others = memory_mb([os.getpid()]), memory_mb(helpers())
            self.most_here = max(self.most_here, round(1024 * 1024 * here))
            self.most = max(self.most, round(1024 * 1024 * (here + others)))
            self.cpu_s = time.thread_time()


def helpers() -> list[int]:
    """Return the server that forks processes, and after it those it forked for this process."""
    server = next(filter(is_server, family()[1:]), None)  # its children have the same name
    return [] if server is None else family(server)


def is_server(pid: int) -> bool:
    with suppress(OSError):
        return b"multiprocessing.forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def helpers_cpu_s() -> float:
    """Return their CPU time in seconds."""
    return sum(map(cpu_s, helpers()[:1]))


def wait_for_processes(count: int) -> None:
    """Wait until the processes that store takes run; a worker's start while its model loads."""
    ends_at = time.monotonic() + 60
    while count and len(helpers()) <= count and time.monotonic() < ends_at:
        time.sleep(0.05)
    time.sleep(2.0 if count else 0.0)
