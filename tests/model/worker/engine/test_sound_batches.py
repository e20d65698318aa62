"""When a batch of sound may start, and which utterances are in it."""

from concurrent.futures import Future
from dataclasses import replace

import pytest
import torch

from tests.model.worker.engine.fakes import utterance
from worker.chatterbox.t3.prompt import SpeechTokens
from worker.engine.sound_batches import BatchRules, QueuedUtterance
from worker.engine.types import Heard, make_turn


def queued(kind: Heard, count: int) -> list[QueuedUtterance]:
    tokens = SpeechTokens(tokens=torch.arange(5), is_truncated=False)
    turn = {
        Heard.FIRST: make_turn(10, 0),
        Heard.STREAMED: make_turn(10, 1),
        Heard.SOON: make_turn(5, 7),
        Heard.LATER: make_turn(5, 900),
    }[kind]
    one = replace(utterance("hello"), turn=turn)
    return [QueuedUtterance(one, tokens, 1.0, Future(), kind) for _ in range(count)]


@pytest.mark.parametrize(
    ("waiting", "to_come", "is_hurrying", "chosen"),
    [
        ({}, {}, False, None),
        ({Heard.FIRST: 1, Heard.LATER: 57}, {Heard.LATER: 500}, True, Heard.FIRST),
        ({Heard.STREAMED: 1, Heard.LATER: 30}, {Heard.STREAMED: 8, Heard.LATER: 500}, False,
         Heard.STREAMED),  # it waits for no book
        ({Heard.STREAMED: 1, Heard.LATER: 30}, {Heard.STREAMED: 9, Heard.LATER: 500}, False, None),
        ({Heard.STREAMED: 8}, {Heard.STREAMED: 500}, True, Heard.STREAMED),
        # An article's chunks are not kept waiting by streams, nor do they make those go one by one.
        ({Heard.STREAMED: 1, Heard.SOON: 1}, {Heard.STREAMED: 30, Heard.SOON: 4}, True, Heard.SOON),
        ({Heard.STREAMED: 1, Heard.SOON: 4}, {Heard.STREAMED: 30, Heard.SOON: 40}, False, None),
        ({Heard.LATER: 57}, {Heard.LATER: 500}, False, Heard.LATER),
        ({Heard.LATER: 57}, {Heard.LATER: 500}, True, None),
        ({Heard.LATER: 56}, {Heard.LATER: 500}, False, None),
        ({Heard.LATER: 2}, {Heard.LATER: 16}, False, Heard.LATER),
        ({Heard.STREAMED: 1, Heard.LATER: 56}, {Heard.STREAMED: 20, Heard.LATER: 500}, False,
         Heard.STREAMED),  # goes before a long batch
    ],
)  # fmt: skip
def test_when_a_batch_may_start_and_of_which_kind(
    waiting: dict[Heard, int],
    to_come: dict[Heard, int],
    is_hurrying: bool,
    chosen: Heard | None,
) -> None:
    those = [one for kind, count in waiting.items() for one in queued(kind, count)]
    numbers = dict.fromkeys(Heard, 0) | to_come
    assert BatchRules(57).choose(those, numbers, is_hurrying=is_hurrying) is chosen


def test_first_sounds_share_no_larger_batches_than_are_prepared() -> None:
    waiting = [replace(one, share=0.55) for one in queued(Heard.FIRST, 40)]
    assert len(BatchRules(57, most_first=8).pick(waiting, Heard.FIRST)) == 8
    assert len(BatchRules(2, most_first=8).pick(waiting, Heard.FIRST)) == 3
    assert len(BatchRules(57).pick(waiting, Heard.FIRST)) == 40  # without a stream of their own


def test_batches_of_streams_grow_when_many_chunks_have_piled_up() -> None:
    tokens = SpeechTokens(tokens=torch.arange(5), is_truncated=False)
    waiting = [
        QueuedUtterance(
            replace(utterance("later"), turn=make_turn(10, 1, due_s=float(n))),
            tokens,
            1.0,
            Future(),
            Heard.STREAMED,
        )
        for n in range(40)
    ]
    rules = BatchRules(57)
    picked = [rules.pick(waiting[:n], Heard.STREAMED) for n in (1, 16, 24, 40)]
    assert [len(batch) for batch in picked] == [1, 8, 12, 20]
    # The first is heard before all others.
    assert rules.pick(waiting[::-1], Heard.STREAMED)[0] is waiting[0]
    assert len(BatchRules(5).pick(waiting, Heard.STREAMED)) == 5
