"""Memory shared between processes, in blocks of one size: a waveform is written once, never sent.

The memory has no name, so a killed process leaves nothing behind, and it is not in /dev/shm, which
is small in containers. Blocks that were never used occupy no memory.
"""

import mmap
import os
from collections.abc import Callable
from multiprocessing import reduction
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from narration.broker.first_sounds import Waiting
from narration.sound.waveform import Waveform
from worker.rendering.take_sound import SpokenSound

BLOCK_BYTES = 4 << 20  # 43 s of speech with its tokens, the longest that the model generates
Tokens: TypeAlias = npt.NDArray[np.int64]
_TOKEN = np.dtype(np.int64)
_SAMPLE = np.dtype(np.float32)


class SharedBlocks:
    """Blocks of an in-memory file; callers make sure that each block has one user at a time."""

    def __init__(self, descriptor: int, count: int) -> None:
        self.count = count
        self._descriptor = descriptor
        self._memory = mmap.mmap(descriptor, count * BLOCK_BYTES)

    @classmethod
    def make(cls, count: int) -> "SharedBlocks":
        """Make `count` new blocks."""
        descriptor = os.memfd_create("takes", os.MFD_CLOEXEC)
        os.ftruncate(descriptor, count * BLOCK_BYTES)
        return cls(descriptor, count)

    def __reduce__(self) -> tuple[Callable[..., "SharedBlocks"], tuple[object, int]]:
        """Pickle for a process that is being started: it gets the memory itself, not a copy."""
        return _open_again, (reduction.DupFd(self._descriptor), self.count)

    def write(self, block: int, sound: SpokenSound) -> tuple[int, int]:
        """Write a sound into a block; return how many tokens and samples it has."""
        tokens, samples = sound.tokens.size, sound.waveform.size
        into = self._view(block, tokens, samples)
        into[0][:] = sound.tokens
        into[1][:] = sound.waveform
        return tokens, samples

    def read(
        self,
        block: int,
        sizes: tuple[int, int],
        *,
        spoken_text: str,
        is_truncated: bool,
        waiting: Waiting | None = None,
    ) -> SpokenSound:
        """Return the sound in a block; it is valid until the block is reused."""
        tokens, waveform = self._view(block, *sizes)
        return SpokenSound(
            tokens=tokens,
            waveform=waveform,
            spoken_text=spoken_text,
            is_truncated=is_truncated,
            waiting=waiting,
        )

    def close(self) -> None:
        """Free the memory once no sound is in use; calling it again does nothing."""
        if self._memory.closed:
            return  # the descriptor's number may have been reused by now
        self._memory.close()
        os.close(self._descriptor)

    def _view(self, block: int, tokens: int, samples: int) -> tuple[Tokens, Waveform]:
        start = block * BLOCK_BYTES
        head = np.frombuffer(self._memory, _TOKEN, tokens, start)
        body = np.frombuffer(self._memory, _SAMPLE, samples, start + head.nbytes)
        return head, body


def fits(sound: SpokenSound) -> bool:
    """Return whether a sound fits into a block."""
    needed = sound.tokens.size * _TOKEN.itemsize + sound.waveform.size * _SAMPLE.itemsize
    return needed <= BLOCK_BYTES


def _open_again(handle: Any, count: int) -> SharedBlocks:
    return SharedBlocks(handle.detach(), count)
