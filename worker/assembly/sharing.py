"""Lets several readers share one stream of sound, so that a book is fetched only once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Full, Queue
from typing import TypeVar

_WAITING = 4  # blocks per reader, each of half a minute of sound
_CHECK_S = 0.2  # how often each side checks whether the other is gone

Block = TypeVar("Block")


class _AbortedError(Exception):
    """The sound ended early; the cause is raised in the thread that makes it."""


def share(blocks: Iterable[Block], readers: Sequence[Callable[[Iterator[Block]], None]]) -> None:
    """Pass every block to each reader, each on its own thread; the slowest sets the pace.

    Raises what the source or a reader raises, and then aborts the other readers.
    """
    if len(readers) == 1:
        readers[0](iter(blocks))
        return
    queues: list[Queue[Block | None]] = [Queue(_WAITING) for _ in readers]
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
    for future in reading:
        future.result()


def _hand_out(
    blocks: Iterable[Block], queues: Sequence[Queue[Block | None]], reading: Sequence[Future[None]]
) -> None:
    for block in _with_end(blocks):
        for queue, reader in zip(queues, reading, strict=True):
            while True:
                if reader.done():
                    reader.result()  # raises: a reader that ends before the sound has failed
                    return
                try:
                    queue.put(block, timeout=_CHECK_S)
                    break
                except Full:
                    continue


def _with_end(blocks: Iterable[Block]) -> Iterator[Block | None]:
    yield from blocks
    yield None


def _take(queue: Queue[Block | None], source: Future[None]) -> Iterator[Block]:
    while True:
        try:
            block = queue.get(timeout=_CHECK_S)
        except Empty:
            if source.done() and source.exception() is not None:
                raise _AbortedError from None
            continue
        if block is None:
            return
        yield block
