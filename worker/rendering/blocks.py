"""Memory that processes share, in blocks of one size: a waveform is written once and not sent.

The memory has no name, so that a process that is killed leaves nothing behind, and it does not lie
in /dev/shm, which containers keep small. Blocks that were never used take none.
"""

import mmap
import os
from collections.abc import Callable
from multiprocessing import reduction
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from narration.sound.waveform import Waveform
from worker.rendering.take_sound import SpokenSound

BLOCK_BYTES = 4 << 20  # 43 s of speech with its tokens: the longest that the model says
Tokens: TypeAlias = npt.NDArray[np.int64]
_TOKEN = np.dtype(np.int64)
_SAMPLE = np.dtype(np.float32)


class SharedBlocks:
    """Blocks of a file in memory; whoever uses one sees to it that nobody else does."""

    def __init__(self, descriptor: int, count: int) -> None:
        self.count = count
        self._descriptor = descriptor
        self._memory = mmap.mmap(descriptor, count * BLOCK_BYTES)

    @classmethod
    def make(cls, count: int) -> "SharedBlocks":
        """Make so many new blocks."""
        descriptor = os.memfd_create("takes", os.MFD_CLOEXEC)
        os.ftruncate(descriptor, count * BLOCK_BYTES)
        return cls(descriptor, count)

    def __reduce__(self) -> tuple[Callable[..., "SharedBlocks"], tuple[object, int]]:
        """Go to a process that is being started, with the memory and not its content."""
        return _open_again, (reduction.DupFd(self._descriptor), self.count)

    def write(self, block: int, sound: SpokenSound) -> tuple[int, int]:
        """Write a sound into a block; return how many tokens and samples it has."""
        tokens, samples = sound.tokens.size, sound.waveform.size
        into = self._view(block, tokens, samples)
        into[0][:] = sound.tokens
        into[1][:] = sound.waveform
        return tokens, samples

    def read(
        self, block: int, sizes: tuple[int, int], *, spoken_text: str, is_truncated: bool
    ) -> SpokenSound:
        """Return a sound that lies in a block; it is valid for as long as the block is held."""
        tokens, waveform = self._view(block, *sizes)
        return SpokenSound(
            tokens=tokens, waveform=waveform, spoken_text=spoken_text, is_truncated=is_truncated
        )

    def close(self) -> None:
        """Give the memory back, once no sound is read any more; a second time does nothing."""
        if self._memory.closed:
            return  # the number of the descriptor may be somebody else's by now
        self._memory.close()
        os.close(self._descriptor)

    def _view(self, block: int, tokens: int, samples: int) -> tuple[Tokens, Waveform]:
        start = block * BLOCK_BYTES
        head = np.frombuffer(self._memory, _TOKEN, tokens, start)
        body = np.frombuffer(self._memory, _SAMPLE, samples, start + head.nbytes)
        return head, body


def fits(sound: SpokenSound) -> bool:
    """Tell whether a sound goes into a block."""
    needed = sound.tokens.size * _TOKEN.itemsize + sound.waveform.size * _SAMPLE.itemsize
    return needed <= BLOCK_BYTES


def _open_again(handle: Any, count: int) -> SharedBlocks:
    return SharedBlocks(handle.detach(), count)
