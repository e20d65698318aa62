"""The memory in use on a GPU, by all processes."""

import threading
from typing import Self

import torch


class GpuMemory:
    """The peak memory in use on the whole GPU, sampled twenty times a second."""

    def __enter__(self) -> Self:
        self._peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def peak(self) -> dict[str, float]:
        allocated = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
        return {"card_peak_gb": self._peak / 1e9, "process_allocated_peak_gb": allocated / 1e9}

    def _watch(self) -> None:
        while torch.cuda.is_available() and not self._stop.wait(0.05):
            free, total = torch.cuda.mem_get_info()
            self._peak = max(self._peak, total - free)
