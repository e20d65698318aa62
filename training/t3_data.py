"""T3's training rows: text, speech tokens and auxiliary labels, in batches of similar length.

Some rows join two or three utterances of one voice, so that T3 also learns long chunks.
"""

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from queue import Queue
from typing import Any, Self, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.alignment import locate_characters
from training.encoded import Line
from worker.chatterbox.config import FRAMES_PER_TOKEN, START_TEXT, STOP_TEXT
from worker.chatterbox.tokenizer import TextTokenizer, normalize_punctuation

JOIN_SHARE = 0.35
LONGEST_TOKENS = 500  # 20 s
PROMPT_TOKENS = (50, 150)
QUOTES_DROPPED = 0.3
PREPARED = 8  # batches prepared ahead
LENGTH_NOISE = 24  # positions, added when sorting by length: batches differ between epochs

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An utterance as T3 is trained on it.

    Shapes: text (N,), unframed; tokens (T,); phonemes (T, 2); characters (T,), places in `text`.
    """

    voice: int
    exaggeration: float
    text: Array
    tokens: Array
    phonemes: Array
    characters: Array
    speaker: Array

    @property
    def positions(self) -> int:
        return len(self.text) + len(self.tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Padded rows, with start and stop tokens around the text. Shapes: (B, ...)."""

    text: Tensor
    text_lengths: Tensor
    tokens: Tensor
    token_lengths: Tensor
    phonemes: Tensor
    characters: Tensor
    exaggeration: Tensor
    speaker: Tensor
    prompts: Tensor
    prompt_lengths: Tensor

    def to(self, device: torch.device) -> Self:
        return type(self)(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def make_row(line: Line, tokenizer: TextTokenizer, text: str) -> Row:
    """Prepare one utterance."""
    tokens = line.encoded.tokens.numpy()
    read = normalize_punctuation(text)
    ends = line.ends.numpy()
    return Row(
        voice=line.voice,
        exaggeration=line.exaggeration,
        text=np.array(tokenizer.encode(read), dtype=np.int16),
        tokens=tokens,
        phonemes=line.phonemes.numpy().reshape(-1, FRAMES_PER_TOKEN),
        characters=locate_characters(read, line.spoken, ends, len(tokens)),
        speaker=line.encoded.speaker.numpy(),
    )


class RowSource:
    """All rows of a corpus, and endless batches of them; new lines join in the next epoch."""

    def __init__(self, lines: list[Line], tokenizer: TextTokenizer, rng: random.Random) -> None:
        self.rng = rng
        self.tokenizer = tokenizer
        self.rows: list[Row] = []
        self.by_voice: dict[int, list[Row]] = {}
        self.space = np.array(tokenizer.encode(" "), dtype=np.int16)
        self.add(lines)

    def add(self, lines: list[Line]) -> None:
        """Add lines; those that are too long are left out."""
        for line in lines:
            if len(line.encoded.tokens) <= LONGEST_TOKENS:
                row = make_row(line, self.tokenizer, self._vary(line.text))
                self.rows.append(row)
                self.by_voice.setdefault(row.voice, []).append(row)

    def batches(
        self, positions: Callable[[], int], more: Callable[[], list[Line]] = list
    ) -> Iterator[Batch]:
        """Yield padded batches of about that many positions; both are called every epoch."""
        while True:
            self.add(more())
            rows = [row for own in self.by_voice.values() for row in self._join(own)]
            rows.sort(key=lambda row: row.positions + self.rng.uniform(0, LENGTH_NOISE))
            batches = list(_fill(rows, positions()))
            self.rng.shuffle(batches)
            for batch in batches:
                yield self.collate(batch)

    def collate(self, rows: list[Row]) -> Batch:
        """Pad rows, and give each another utterance of its voice as its prompt."""
        others = [self.rng.choice(self.by_voice[row.voice]) for row in rows]
        prompts = [self._prompt(other.tokens) for other in others]
        return Batch(
            text=_pad([row.text for row in rows], framed=(START_TEXT, STOP_TEXT)),
            text_lengths=torch.tensor([len(row.text) + 2 for row in rows]),
            tokens=_pad([row.tokens for row in rows]),
            token_lengths=torch.tensor([len(row.tokens) for row in rows]),
            phonemes=_pad([row.phonemes for row in rows]),
            characters=_pad([row.characters for row in rows]),
            exaggeration=torch.tensor([row.exaggeration for row in rows]),
            speaker=torch.from_numpy(np.stack([other.speaker for other in others])),
            prompts=_pad(prompts),
            prompt_lengths=torch.tensor([len(prompt) for prompt in prompts]),
        )

    def _prompt(self, tokens: Array) -> Array:
        length = self.rng.randint(*PROMPT_TOKENS)
        start = self.rng.randint(0, max(len(tokens) - length, 0))
        return tokens[start : start + length]

    def _vary(self, text: str) -> str:
        return text.replace('"', "") if self.rng.random() < QUOTES_DROPPED else text

    def _join(self, rows: list[Row]) -> Iterator[Row]:
        """Join some neighbours in exaggeration."""
        shuffled = sorted(rows, key=lambda row: row.exaggeration + self.rng.gauss(0, 0.03))
        joined: Row | None = None
        for row in shuffled:
            if joined is None:
                joined = row
            elif (
                self.rng.random() < JOIN_SHARE
                and len(joined.tokens) + len(row.tokens) <= LONGEST_TOKENS
            ):
                joined = self._append(joined, row)
            else:
                yield joined
                joined = row
        if joined is not None:
            yield joined

    def _append(self, first: Row, second: Row) -> Row:
        start = len(first.text) + len(self.space)
        return Row(
            voice=first.voice,
            exaggeration=(first.exaggeration + second.exaggeration) / 2,
            text=np.concatenate([first.text, self.space, second.text]),
            tokens=np.concatenate([first.tokens, second.tokens]),
            phonemes=np.concatenate([first.phonemes, second.phonemes]),
            characters=np.concatenate([first.characters, second.characters + start]),
            speaker=first.speaker,
        )


def prefetch(batches: Iterator[Batch], device: torch.device) -> Iterator[Batch]:
    """Prepare batches on a separate thread."""
    ready: Queue[Batch] = Queue(PREPARED)

    def fill() -> None:
        for batch in batches:
            ready.put(batch.to(device))

    threading.Thread(target=fill, daemon=True).start()
    while True:
        yield ready.get()


def _fill(rows: list[Row], positions: int) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        if batch and (len(batch) + 1) * row.positions > positions:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _pad(rows: Sequence[Array], framed: tuple[int, int] | None = None) -> Tensor:
    """Stack rows of different lengths, padded with zeros, with start and stop around each row."""
    margin = 1 if framed else 0
    longest = max(len(row) for row in rows) + 2 * margin
    first = rows[0]
    is_index = np.issubdtype(first.dtype, np.integer)
    stacked = np.zeros((len(rows), longest, *first.shape[1:]), np.int64 if is_index else np.float32)
    for place, row in zip(stacked, rows, strict=True):
        place[margin : margin + len(row)] = row
        if framed:
            place[0], place[1 + len(row)] = framed
    return torch.from_numpy(stacked)
