"""The whole engine on vLLM: bad prompts, cancellation, abort."""

from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from narration.errors import EngineDied, SpeechError
from tests.model.worker.engine.toy import toy_chatterbox, toy_voice
from worker.engine.open import open_engine
from worker.engine.options import EngineOptions, resolve
from worker.engine.pipeline import PipelineEngine
from worker.engine.types import Delivery, Speech, Utterance

TIMEOUT_S = 120
GREEDY = Delivery(temperature=0.0)
OPTIONS = EngineOptions(device="cpu", back_end="vllm", is_watermarked=False, t3_slots=4)


def utterance(number: int, delivery: Delivery = GREEDY) -> Utterance:
    return Utterance(
        text="chunk " * (1 + number % 5) + str(number),
        voice=toy_voice(number % 3),
        delivery=delivery,
        seed=number,
    )


def speak(engine: PipelineEngine, utterances: list[Utterance]) -> list[Speech]:
    with ThreadPoolExecutor(4) as pool:
        return [f.result(TIMEOUT_S) for f in pool.map(engine.submit, utterances)]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PipelineEngine]:
    folder = tmp_path_factory.mktemp("toy")
    options = resolve(replace(OPTIONS, cache_folder=folder))
    engine = open_engine(toy_chatterbox(folder), options)
    yield engine
    engine.close()


def test_both_back_ends_speak_alike(engine: PipelineEngine) -> None:
    utterances = [utterance(number) for number in range(16)]
    found = speak(engine, utterances)
    plain_options = resolve(replace(OPTIONS, back_end="torch"))
    with open_engine(toy_chatterbox(), plain_options) as plain:
        expected = speak(plain, utterances)
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one.tokens, other.tokens)
        assert one.is_truncated == other.is_truncated
        np.testing.assert_allclose(one.waveform, other.waveform, atol=1e-4)


def test_seed_decides_what_is_sampled(engine: PipelineEngine) -> None:
    utterances = [utterance(3, Delivery()), utterance(4, Delivery()), utterance(3, Delivery())]
    first, other, again = speak(engine, [*utterances[:2], utterances[2]])
    assert np.array_equal(first.tokens, again.tokens)
    assert not np.array_equal(first.tokens, other.tokens)


@pytest.mark.parametrize(
    "change",
    [
        {"text": "x" * 80},
        {"delivery": Delivery(cfg_weight=2.5)},
        {"voice": replace(toy_voice(), speaker=torch.full((8,), torch.nan))},
        {"voice": replace(toy_voice(), digest="huge", speaker=torch.full((8,), 3e38))},
        {"voice": replace(toy_voice(), prompt_tokens=torch.tensor([-1]))},
    ],
    ids=["too long", "guidance", "not a number", "overflows", "unknown token"],
)
def test_poisoned_utterance_is_refused_and_others_are_spoken(
    engine: PipelineEngine, change: dict[str, object]
) -> None:
    good = utterance(1)
    before = engine.submit(good)
    bad = engine.submit(replace(good, **change))  # type: ignore[arg-type]
    after = engine.submit(good)
    with pytest.raises(SpeechError):
        bad.result(TIMEOUT_S)
    assert np.array_equal(before.result(TIMEOUT_S).tokens, after.result(TIMEOUT_S).tokens)
    assert engine.is_alive()


def test_cancelled_utterance_leaves_the_batch(engine: PipelineEngine) -> None:
    futures = [engine.submit(utterance(number)) for number in range(12)]
    assert all(future.cancel() for future in futures[6:])
    for future in futures[6:]:
        with pytest.raises(CancelledError):
            future.result()
    assert all(len(future.result(TIMEOUT_S).tokens) for future in futures[:6])
    assert len(speak(engine, [utterance(20)])[0].tokens)


def test_abort_fails_everything_for_good(engine: PipelineEngine) -> None:
    """The last test of the module, because the engine cannot be used afterwards."""
    futures = [engine.submit(utterance(number)) for number in range(8)]
    engine.close(abort=True)
    for future in futures:
        with pytest.raises(EngineDied):
            future.result(TIMEOUT_S)
    assert not engine.is_alive()
    with pytest.raises(EngineDied):
        engine.submit(utterance(1))
