"""One stream of sound, read by several at once: a book is fetched once for all of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Full, Queue

from narration.sound.waveform import Waveform

_WAITING = 4  # blocks, each some seconds of sound
_LOOK_S = 0.2  # how soon it is seen that the other side is gone

Reader = Callable[[Iterator[Waveform]], None]
_Blocks = Queue[Waveform | None]


class _BrokenOffError(Exception):
    """The sound ended early; why is raised where it is made."""


def share(blocks: Iterable[Waveform], readers: Sequence[Reader]) -> None:
    """Hand every block to each reader, on a thread of its own; the slowest sets the pace.

    Raises what making the sound or one of the readers raises; then the others are broken off.
    """
    if len(readers) == 1:
        readers[0](iter(blocks))
        return
    queues: list[_Blocks] = [Queue(_WAITING) for _ in readers]
    source: Future[None] = Future()
    with ThreadPoolExecutor(len(readers), thread_name_prefix="write") as pool:
        reading = [
            pool.submit(reader, _take(queue, source))
            for reader, queue in zip(readers, queues, strict=True)
        ]
        try:
            _hand_out(blocks, queues, reading)
        except BaseException as error:
            source.set_exception(error)
            raise
        source.set_result(None)
    for ended in reading:
        ended.result()


def _hand_out(
    blocks: Iterable[Waveform], queues: Sequence[_Blocks], reading: Sequence[Future[None]]
) -> None:
    for block in _ended(blocks):
        for queue, reader in zip(queues, reading, strict=True):
            while True:
                if reader.done():
                    reader.result()  # raises: nobody ends before the sound does
                    return
                try:
                    queue.put(block, timeout=_LOOK_S)
                    break
                except Full:
                    continue


def _ended(blocks: Iterable[Waveform]) -> Iterator[Waveform | None]:
    yield from blocks
    yield None


def _take(queue: _Blocks, source: Future[None]) -> Iterator[Waveform]:
    while True:
        try:
            block = queue.get(timeout=_LOOK_S)
        except Empty:
            if source.done() and source.exception() is not None:
                raise _BrokenOffError from None
            continue
        if block is None:
            return
        yield block
