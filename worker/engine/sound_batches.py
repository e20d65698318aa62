"""Which finished utterances are made into sound together."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import accumulate

from worker.chatterbox.t3.prompt import SpeechTokens
from worker.engine.types import Heard, Speech, Utterance

# Of later chunks of streams: a fifth of a second, which a first sound may have to wait where it has
# no stream of its own. If more than twice as many have piled up, half of them: large batches take
# less time for each.
_STREAM_BATCH = 8.0
_CROWD = 8  # a partial batch starts once it holds an eighth of the unfinished utterances


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


@dataclass(frozen=True, slots=True)
class BatchRules:
    """When a batch may start, and of which kind.

    `limit`: the shares of the largest one. `most_first`: how many first sounds share one, at most.

    Utterances wait for others and share a batch with others that are heard as soon. Those of a book
    do not start while T3 hurries.
    """

    limit: float
    most_first: int | None = None

    def choose(
        self,
        waiting: Sequence[QueuedUtterance],
        to_come: Mapping[Heard, int],
        *,
        is_hurrying: bool,
    ) -> Heard | None:
        """Return the kind of the next batch, None if none may start yet.

        `to_come`: how many utterances of each kind are in the engine, without those whose batch is
        under way.
        """
        if not waiting:
            return None
        soonest = min(one.heard for one in waiting)
        if soonest is Heard.FIRST:
            return soonest
        for kind in (Heard.STREAMED, Heard.SOON):
            those = [one for one in waiting if one.heard is kind]
            if _is_crowd(those, to_come[kind]) or _shares(those) >= self._least(kind):
                return kind
        is_full = _shares(waiting) >= self.limit or _is_crowd(waiting, sum(to_come.values()))
        return soonest if is_full and not is_hurrying else None

    def pick(self, waiting: Sequence[QueuedUtterance], kind: Heard) -> list[QueuedUtterance]:
        """Return the first in turn and others of similar length: that keeps padding small.

        The shares of a batch add up to the limit at most, if it holds more than one utterance.
        """
        those = [one for one in waiting if one.heard is kind]
        first = min(those, key=lambda one: one.utterance.turn)
        by_length = sorted(those, key=lambda one: (abs(len(one) - len(first)), one.utterance.turn))
        most = min(self.limit, max(self._least(kind), _shares(those) / 2))
        shares = accumulate(one.share for one in by_length)
        count = max(1, sum(share <= most for share in shares))
        return by_length[: min(count, self.most_first or count) if kind is Heard.FIRST else count]

    def _least(self, kind: Heard) -> float:
        return min(self.limit, _STREAM_BATCH) if kind is Heard.STREAMED else self.limit


def _shares(those: Sequence[QueuedUtterance]) -> float:
    return sum(one.share for one in those)


def _is_crowd(those: Sequence[QueuedUtterance], to_come: int) -> bool:
    return len(those) >= max(1, -(-to_come // _CROWD))
