"""Which finished utterances are made into sound together."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import accumulate

from worker.chatterbox.t3.prompt import SpeechTokens
from worker.engine.types import Heard, Speech, Utterance

# Later chunks of streams, in average utterances: a fifth of a second, which a first chunk may wait.
_STREAM_BATCH = 8.0


@dataclass(frozen=True, slots=True, eq=False)
class QueuedUtterance:
    """An utterance whose tokens wait for their sound; its length is their number.

    `share`: how much of a batch it fills; an average utterance counts 1.
    """

    utterance: Utterance
    speech_tokens: SpeechTokens
    share: float
    future: Future[Speech]
    heard: Heard

    def __len__(self) -> int:
        return len(self.speech_tokens.tokens)


def has_stream_batch(waiting: Sequence[QueuedUtterance], limit: float) -> bool:
    """Tell whether enough later chunks of streams wait; `limit`: shares of the largest batch."""
    return _streamed(waiting) >= _stream_limit(waiting, limit)


def pick_batch(waiting: Sequence[QueuedUtterance], limit: float) -> list[QueuedUtterance]:
    """Return the first in turn and others of its kind and similar length: that keeps padding small.

    `waiting` must not be empty. The shares of a batch add up to `limit` at most, if it holds more
    than one utterance.
    """
    first = min(waiting, key=lambda one: one.utterance.turn)
    same_kind = [one for one in waiting if one.heard is first.heard]
    by_length = sorted(same_kind, key=lambda one: (abs(len(one) - len(first)), one.utterance.turn))
    shares = accumulate(one.share for one in by_length)
    most = _stream_limit(waiting, limit) if first.heard is Heard.STREAMED else limit
    return by_length[: max(1, sum(share <= most for share in shares))]


def _streamed(waiting: Sequence[QueuedUtterance]) -> float:
    return sum(one.share for one in waiting if one.heard is Heard.STREAMED)


def _stream_limit(waiting: Sequence[QueuedUtterance], limit: float) -> float:
    """Return the shares of a batch of later chunks: half of them, if many have piled up."""
    return min(limit, max(_STREAM_BATCH, _streamed(waiting) / 2))
