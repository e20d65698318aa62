"""A block's runs as one flat line of text, with the mapping back to the source."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from narration.documents.types import Block, Document, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatBlock:
    """`text` is what a reader sees; run number i of `runs` begins at flat position `starts[i]`."""

    text: str
    runs: tuple[Run, ...]
    starts: tuple[int, ...]
    lengths: tuple[int, ...]

    def source_pieces(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Return the source ranges of text[start:end]; a split reading is in its first half."""
        index = max(bisect_right(self.starts, start) - 1, 0)
        while index < len(self.runs) and self.starts[index] < end:
            first = max(start - self.starts[index], 0)
            last = min(end - self.starts[index], self.lengths[index])
            run = self.runs[index]
            if first < last and run.reading is None:
                yield run.start + first, run.start + last
            elif first < last:
                yield (run.end if first else run.start), run.end
            index += 1


def flatten(document: Document, block: Block) -> FlatBlock:
    """Join a block's runs; text between two runs is markup and is dropped."""
    parts = [
        document.source[run.start : run.end] if run.reading is None else run.reading
        for run in block.runs
    ]
    lengths = tuple(map(len, parts))
    starts = tuple(accumulate(lengths, initial=0))[:-1]
    return FlatBlock(text="".join(parts), runs=block.runs, starts=starts, lengths=lengths)
