"""The token stage with vLLM's decoder: when utterances join. The engine itself is a fake."""

import threading
import time
from concurrent.futures import CancelledError, Future, wait
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from vllm import SamplingParams

from narration.errors import EngineDied, SpeechError
from tests.model.worker.engine.fakes import TIMEOUT_S, wait_until
from tests.vllm.toy import ENGLISH, toy_voice
from worker.chatterbox.t3.prompt import Prompt, SpeechTokens
from worker.chatterbox.t3.vllm_layout import PromptLayout
from worker.chatterbox.voice import Voice
from worker.engine.sharing import Backlog
from worker.engine.slot_stage import SlotStage
from worker.engine.types import Turn, make_turn
from worker.engine.vllm_decoder import VllmDecoder
from worker.engine.vllm_open import graph_sizes

SLOTS = 32  # two must be free before any utterance joins
LAYOUT = PromptLayout.of(ENGLISH)
MIDST = make_turn(5, 1000)  # of a book: nobody hears it soon


class FakeEngine:
    """Takes one step per token of a request; records which joined before each step."""

    def __init__(self) -> None:
        self.left: dict[str, int] = {}
        self.lengths: dict[str, int] = {}
        self.joined: list[list[str]] = [[]]
        self.aborted: list[str] = []
        self.written: list[int] = []
        self.is_shut_down = False
        self.is_broken = False
        self.gate = threading.Event()
        self.gate.set()
        scheduler = SimpleNamespace(running=[])  # which is enough while no slot is stepped alone
        self.engine_core = SimpleNamespace(
            shutdown=self._shut_down, engine_core=SimpleNamespace(scheduler=scheduler)
        )

    def add_request(self, request_id: str, prompt: Any, params: SamplingParams) -> str:
        assert prompt["prompt_token_ids"]
        if params.max_tokens == 66:
            raise ValueError("refused")
        self.left[request_id] = self.lengths[request_id] = params.max_tokens or 0
        self.joined[-1].append(request_id)
        return request_id

    def abort_request(self, request_ids: list[str]) -> None:
        for request_id in request_ids:
            self.aborted.append(request_id)
            del self.left[request_id]

    def step(self) -> list[Any]:
        self.gate.wait()
        time.sleep(0.001)
        if self.is_broken:
            raise RuntimeError("the device is gone")
        self.joined.append([])
        self.left = {request_id: steps - 1 for request_id, steps in self.left.items()}
        done = [request_id for request_id, steps in self.left.items() if not steps]
        for request_id in done:
            del self.left[request_id]
        return [
            SimpleNamespace(
                request_id=request_id,
                outputs=[SimpleNamespace(token_ids=[int(request_id)] * self.lengths[request_id])],
            )
            for request_id in done
        ]

    def collective_rpc(
        self, method: str, timeout: float | None = None, args: tuple[Any, ...] = ()
    ) -> None:
        assert method == "set_conditioning"
        self.written.append(args[0])

    def _shut_down(self) -> None:
        self.is_shut_down = True


def encode(voice: Voice, exaggeration: float) -> torch.Tensor:
    return torch.full((34, 8), float("nan") if exaggeration == 2.0 else exaggeration)


def open_stage(engine: FakeEngine, bank_rows: int = 4) -> SlotStage:
    return SlotStage(lambda: VllmDecoder(engine, LAYOUT, encode, slots=SLOTS, bank_rows=bank_rows))


def prompt(steps: int, voice: int = 0, exaggeration: float = 0.5) -> Prompt:
    return Prompt(
        text_tokens=[255, 1, 0],
        voice=toy_voice(voice),
        exaggeration=exaggeration,
        max_new_tokens=steps,
    )


def start(stage: SlotStage, *steps: int) -> list[Future[SpeechTokens]]:
    return [stage.start(prompt(count), MIDST) for count in steps]


def test_every_utterance_is_answered_with_its_own_tokens_whatever_its_length() -> None:
    stage = open_stage(FakeEngine())
    lengths = [1 + n % 7 for n in range(200)]
    for n, future in enumerate(start(stage, *lengths)):
        speech_tokens = future.result(TIMEOUT_S)
        assert speech_tokens.tokens.tolist() == [n] * lengths[n]
        assert speech_tokens.is_truncated
    stage.close()


def fill(stage: SlotStage, engine: FakeEngine, *steps: int) -> list[Future[SpeechTokens]]:
    """Start utterances: the first joins, and all others wait until the gate is opened."""
    engine.gate.clear()
    first = start(stage, steps[0])
    wait_until(lambda: engine.left)
    return first + start(stage, *steps[1:])


def test_utterances_join_a_full_engine_several_at_a_time() -> None:
    engine = FakeEngine()
    stage = open_stage(engine)
    # One ends after each step; waiting ones may join after every second step.
    futures = fill(stage, engine, SLOTS + 1, *range(1, SLOTS), *[50] * 6)
    engine.gate.set()
    wait(futures, TIMEOUT_S)
    stage.close()
    late = [[name for name in group if int(name) >= SLOTS] for group in engine.joined]
    assert [group for group in late if group] == [["32", "33"], ["34", "35"], ["36", "37"]]


def test_an_utterance_joins_at_once_while_slots_are_free() -> None:
    engine = FakeEngine()
    stage = open_stage(engine)
    for _ in range(5):
        start(stage, 1)[0].result(TIMEOUT_S)
    stage.close()
    assert [group for group in engine.joined if group] == [[str(n)] for n in range(5)]


def test_a_cancelled_utterance_leaves_whether_it_has_joined_or_not() -> None:
    engine = FakeEngine()
    stage = open_stage(engine)
    futures = fill(stage, engine, *[60] * (SLOTS + 1))
    cancelled = (futures[0], futures[-1])
    assert all(future.cancel() for future in cancelled)
    engine.gate.set()
    for future in futures[1:-1]:
        assert len(future.result(TIMEOUT_S).tokens) == 60
    for future in cancelled:
        with pytest.raises(CancelledError):
            future.result()
    stage.close()
    assert engine.aborted == ["0"]
    assert len(engine.lengths) == SLOTS


@pytest.mark.parametrize(
    "refused", [prompt(66), prompt(5, exaggeration=2.0)], ids=["by vLLM", "not finite"]
)
def test_a_refused_utterance_takes_no_slot_and_no_row(refused: Prompt) -> None:
    stage = open_stage(FakeEngine(), bank_rows=1)
    for _ in range(2 * SLOTS):
        with pytest.raises(SpeechError, match=r"refused|not finite"):
            stage.start(refused).result(TIMEOUT_S)
    assert len(stage.start(prompt(3, voice=1)).result(TIMEOUT_S).tokens) == 3
    stage.close()


def test_a_voice_waits_until_a_row_of_the_bank_is_free() -> None:
    engine = FakeEngine()
    stage = open_stage(engine, bank_rows=2)
    futures = [stage.start(prompt(20 - n, voice=n % 5)) for n in range(10)]
    wait(futures, TIMEOUT_S)
    stage.close()
    assert len(engine.written) == 10
    assert max(len(group) for group in engine.joined) == 2


def test_a_step_that_fails_fails_everything_for_good_and_the_memory_is_freed() -> None:
    engine = FakeEngine()
    stage = open_stage(engine)
    futures = start(stage, *[500] * (2 * SLOTS))
    engine.is_broken = True
    for future in futures:
        with pytest.raises(EngineDied, match="device is gone"):
            future.result(TIMEOUT_S)
    assert not stage.is_alive()
    with pytest.raises(EngineDied):
        start(stage, 1)[0].result(TIMEOUT_S)
    stage.close()
    assert engine.is_shut_down


@pytest.mark.parametrize("slots", [1, 2, 5, 8, 33, 64, 316, 512])
def test_a_step_with_all_slots_taken_has_a_graph(slots: int) -> None:
    sizes = graph_sizes(slots)
    assert sizes == sorted(set(sizes))
    assert (sizes[0], sizes[-1]) == (1, slots)
    assert all(after - before <= 16 for before, after in pairwise(sizes))


def joined_by(decoder: VllmDecoder, prompts: int) -> list[int]:
    """Let prompts of seven tokens join as a stage does, and return the slots that they got."""
    slots = []
    for _ in range(prompts):
        if decoder.is_step_full(prompt(50)):
            break
        slots.append(decoder.join(prompt(50)))
    return [slot for slot in slots if slot is not None]


def test_no_more_prompts_join_at_once_than_a_graph_holds() -> None:
    decoder = VllmDecoder(FakeEngine(), LAYOUT, encode, slots=SLOTS, bank_rows=4, step_tokens=16)
    assert joined_by(decoder, 3) == [0, 1]
    decoder.step()
    assert joined_by(decoder, 3) == [2, 3]  # beside two that add a token each
    decoder.close()


def test_prompts_join_together_if_no_graph_holds_the_step_anyway() -> None:
    decoder = VllmDecoder(FakeEngine(), LAYOUT, encode, slots=SLOTS, bank_rows=4, step_tokens=4)
    assert joined_by(decoder, 4) == [0, 1, 2, 3]  # too many tokens
    decoder.close()
    decoder = VllmDecoder(FakeEngine(), LAYOUT, encode, slots=SLOTS, bank_rows=4, step_tokens=40)
    for _ in range(4):
        joined_by(decoder, 5)
        decoder.step()
    assert len(joined_by(decoder, 8)) == 8  # too many requests: a graph of 40 tokens holds 20
    decoder.close()


def test_what_was_cancelled_before_its_step_keeps_no_other_waiting() -> None:
    """T3 may pause between a join and the next step."""
    decoder = VllmDecoder(FakeEngine(), LAYOUT, encode, slots=SLOTS, bank_rows=4, step_tokens=16)
    for slot in joined_by(decoder, 3):
        decoder.drop(slot)
    assert joined_by(decoder, 3) == [2, 3]
    decoder.close()


def open_limited_stage(engine: FakeEngine, backlog: Backlog) -> SlotStage:
    """Open a stage whose steps read two prompts at most."""
    return SlotStage(
        lambda: VllmDecoder(engine, LAYOUT, encode, slots=SLOTS, bank_rows=4, step_tokens=16),
        backlog=backlog,
    )


@pytest.mark.parametrize("turn", [make_turn(10, 3), make_turn(5, 7), MIDST])
def test_t3_does_not_pause_for_prompts_that_wait_for_a_step_while_slots_are_free(
    turn: Turn,
) -> None:
    backlog = Backlog()
    backlog.update(5.0)  # so many batches wait that T3 would pause if slots were lacking
    stage = open_limited_stage(FakeEngine(), backlog)
    futures = [stage.start(prompt(3), turn) for _ in range(9)]
    assert all(future.result(TIMEOUT_S) for future in futures)
    stage.close()


@pytest.mark.parametrize("before", [(), make_turn(5, 7)])
def test_a_first_sound_joins_a_step_that_is_full_for_others(before: Turn) -> None:
    engine = FakeEngine()
    engine.gate.clear()
    stage = open_limited_stage(engine, Backlog())
    others = [stage.start(prompt(9), before) for _ in range(4)]
    wait_until(lambda: engine.left)  # the first step is under way
    first = stage.start(prompt(1), make_turn(10, 0))
    engine.gate.set()
    wait([first, *others], TIMEOUT_S)
    stage.close()
    [joined] = [
        n for n, group in enumerate(engine.joined) for one in group if engine.lengths[one] == 1
    ]
    assert joined == 1  # the next step
