"""T3's training rows: text, speech tokens and what helps to learn them, in batches of like length.

Some rows join two or three utterances of one voice, so that long chunks are learned too.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from training.alignment import locate_characters
from training.corpus import Utterance
from training.encode_stage import Encoded
from worker.chatterbox.config import FRAMES_PER_TOKEN, START_TEXT, STOP_TEXT
from worker.chatterbox.tokenizer import TextTokenizer, normalize_punctuation

JOIN_SHARE = 0.35
LONGEST_TOKENS = 500  # 20 s
PROMPT_TOKENS = (50, 150)
QUOTES_DROPPED = 0.3
LENGTH_NOISE = 24  # positions; keeps the batches from being the same every epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One utterance as T3 sees it.

    Shapes: text (N,), unframed; tokens (T,); phonemes (T, 2); characters (T,), places in `text`.
    """

    voice: int
    exaggeration: float
    text: Tensor
    tokens: Tensor
    phonemes: Tensor
    characters: Tensor
    speaker: Tensor

    @property
    def positions(self) -> int:
        return len(self.text) + len(self.tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows padded at their ends, text framed. Shapes: (B, ...)."""

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
        moved = {f.name: getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)}
        return type(self)(**moved)


def make_row(utterance: Utterance, encoded: Encoded, tokenizer: TextTokenizer, text: str) -> Row:
    """Prepare one utterance."""
    tokens = encoded.tokens.long()
    read = normalize_punctuation(text)
    ends = utterance.ends.numpy()
    return Row(
        voice=utterance.voice,
        exaggeration=utterance.exaggeration,
        text=torch.tensor(tokenizer.encode(read)),
        tokens=tokens,
        phonemes=utterance.phonemes.cpu().long().reshape(-1, FRAMES_PER_TOKEN),
        characters=torch.from_numpy(locate_characters(read, utterance.spoken, ends, len(tokens))),
        speaker=encoded.speaker,
    )


class RowSource:
    """All rows of a corpus, and batches of them for ever."""

    def __init__(
        self,
        utterances: list[Utterance],
        encoded: dict[int, Encoded],
        tokenizer: TextTokenizer,
        rng: random.Random,
    ) -> None:
        self.rng = rng
        self.rows = [
            make_row(u, encoded[u.index], tokenizer, self._vary(u.text))
            for u in utterances
            if u.index in encoded and len(encoded[u.index].tokens) <= LONGEST_TOKENS
        ]
        self.by_voice: dict[int, list[Row]] = {}
        for row in self.rows:
            self.by_voice.setdefault(row.voice, []).append(row)
        self.space = torch.tensor(tokenizer.encode(" "))

    def batches(self, positions: int) -> Iterator[Batch]:
        """Batches of about so many positions, padding included."""
        while True:
            rows = [row for own in self.by_voice.values() for row in self._join(own)]
            rows.sort(key=lambda row: row.positions + self.rng.uniform(0, LENGTH_NOISE))
            batches = list(_fill(rows, positions))
            self.rng.shuffle(batches)
            for batch in batches:
                yield self.collate(batch)

    def collate(self, rows: list[Row]) -> Batch:
        """Pad rows, and prompt each with another utterance of its voice."""
        others = [self.rng.choice(self.by_voice[row.voice]) for row in rows]
        prompts = [self._prompt(other.tokens) for other in others]
        opening, closing = torch.tensor([START_TEXT]), torch.tensor([STOP_TEXT])
        texts = [torch.cat([opening, row.text, closing]) for row in rows]
        return Batch(
            text=pad_sequence(texts, batch_first=True),
            text_lengths=torch.tensor([len(text) for text in texts]),
            tokens=pad_sequence([row.tokens for row in rows], batch_first=True),
            token_lengths=torch.tensor([len(row.tokens) for row in rows]),
            phonemes=pad_sequence([row.phonemes for row in rows], batch_first=True),
            characters=pad_sequence([row.characters for row in rows], batch_first=True),
            exaggeration=torch.tensor([row.exaggeration for row in rows]),
            speaker=torch.stack([other.speaker for other in others]),
            prompts=pad_sequence(prompts, batch_first=True),
            prompt_lengths=torch.tensor([len(prompt) for prompt in prompts]),
        )

    def _prompt(self, tokens: Tensor) -> Tensor:
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
            text=torch.cat([first.text, self.space, second.text]),
            tokens=torch.cat([first.tokens, second.tokens]),
            phonemes=torch.cat([first.phonemes, second.phonemes]),
            characters=torch.cat([first.characters, second.characters + start]),
            speaker=first.speaker,
        )


def _fill(rows: list[Row], positions: int) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        if batch and (len(batch) + 1) * row.positions > positions:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
