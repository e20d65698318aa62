"""Threads share heaps, and a process reuses memory that it freed."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

# Twenty threads allocate at the same time, where each would otherwise get a heap of its own.
PROGRAM = """
import ctypes, sys, threading
from narration.memory import share_heaps
if sys.argv[1] == "shared":
    share_heaps()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
start = threading.Barrier(20)
def allocate():
    start.wait()
    for _ in range(1000):
        libc.malloc(4096)
    start.wait()
threads = [threading.Thread(target=allocate) for _ in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
file = ctypes.c_void_p(libc.fopen(sys.argv[2].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""


def heaps(folder: Path, kind: str) -> int:
    path = folder / kind
    environment = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    program = [sys.executable, "-c", PROGRAM, kind, str(path)]
    subprocess.run(program, env=environment, check=True)
    return path.read_text().count("<heap nr=")


@pytest.mark.skipif(sys.platform != "linux", reason="the heaps are glibc's")
def test_many_threads_have_few_heaps(tmp_path: Path) -> None:
    assert heaps(tmp_path, "shared") <= 2 < heaps(tmp_path, "own")


# Twenty times four arrays of 4 MB: the kernel would clear the pages of each four again.
ARRAYS = """
import resource, sys, threading
from narration.memory import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
def fill():
    for _ in range(20):
        arrays = [bytes([number]) * 4_000_000 for number in range(4)]
        del arrays
thread = threading.Thread(target=fill)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
thread.start()
thread.join()
pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(pages * resource.getpagesize())
"""


def cleared_bytes(kind: str) -> int:
    return int(subprocess.check_output([sys.executable, "-c", ARRAYS, kind]))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the memory is glibc's")
def test_memory_of_large_arrays_is_used_again() -> None:
    assert cleared_bytes("kept") < 50_000_000 < cleared_bytes("returned")
