import os
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from narration.errors import SpeechError
from tests.model.worker.engine.toy import CONFIG, toy_chatterbox, toy_voice
from worker.chatterbox.config import SAMPLES_PER_TOKEN
from worker.engine.open import open_engine
from worker.engine.options import EngineOptions, ResolvedOptions, resolve
from worker.engine.types import Delivery, Speech, Utterance

TIMEOUT_S = 60
PLAIN = resolve(EngineOptions(device="cpu", back_end="torch", is_watermarked=False))


def book() -> list[Utterance]:
    pick = random.Random(7)
    return [
        Utterance(
            text="".join(pick.choice("abcdefgh ") for _ in range(pick.randrange(2, 40))) + "x.",
            voice=toy_voice(pick.randrange(3)),
            delivery=Delivery(cfg_weight=pick.choice((0.0, 0.5, 1.0)), top_p=pick.choice((0.9, 1))),
            seed=pick.randrange(1 << 60),
        )
        for _ in range(10)
    ]


def speak(utterances: list[Utterance], options: ResolvedOptions, threads: int = 1) -> list[Speech]:
    with (
        open_engine(toy_chatterbox(), options) as engine,
        ThreadPoolExecutor(threads) as pool,
    ):
        futures = list(pool.map(engine.submit, utterances))
        return [future.result(TIMEOUT_S) for future in futures]


def test_speech_does_not_depend_on_order_or_company() -> None:
    utterances = book()
    alone = speak(utterances, replace(PLAIN, t3_slots=1))
    backwards = speak(utterances[::-1], replace(PLAIN, t3_slots=8, vocoder_batch=5), threads=4)
    for one, other in zip(alone, backwards[::-1], strict=True):
        assert np.array_equal(one.tokens, other.tokens)
        np.testing.assert_allclose(one.waveform, other.waveform, atol=1e-4)


def test_equal_runs_give_equal_bytes() -> None:
    first, second = (speak(book()[:6], replace(PLAIN, t3_slots=1)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.waveform.tobytes() == other.waveform.tobytes()


def test_another_seed_speaks_otherwise() -> None:
    utterance = book()[0]
    one, other = speak([utterance, replace(utterance, seed=utterance.seed + 1)], PLAIN)
    assert not np.array_equal(one.tokens, other.tokens)


def test_speech_is_as_long_as_its_tokens_and_says_if_it_was_cut() -> None:
    for speech in speak(book()[:4], PLAIN):
        assert len(speech.waveform) == len(speech.tokens) * SAMPLES_PER_TOKEN
        assert speech.is_truncated == (len(speech.tokens) == CONFIG.t3.max_new_tokens)
        assert not speech.is_watermarked


def test_watermark_changes_the_sound_and_not_the_words() -> None:
    (plain,) = speak(book()[:1], PLAIN)
    (marked,) = speak(book()[:1], replace(PLAIN, is_watermarked=True))
    assert marked.is_watermarked
    assert np.array_equal(plain.tokens, marked.tokens)
    assert not np.array_equal(plain.waveform, marked.waveform)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": "  "}, "empty"),
        ({"text": "word " * 30}, "split it"),
        ({"delivery": Delivery(cfg_weight=2.1)}, "cfg_weight is 2.1"),
        ({"delivery": Delivery(temperature=float("nan"))}, "temperature is nan"),
        ({"voice": replace(toy_voice(), speaker=torch.full((8,), torch.nan))}, "speaker"),
        ({"voice": replace(toy_voice(), speaker=torch.full((8,), 3e38))}, "not finite"),
        ({"voice": replace(toy_voice(), speaker=torch.ones(9))}, "speaker"),
        ({"voice": replace(toy_voice(), prompt_tokens=torch.tensor([6561]))}, "prompt_tokens"),
        ({"voice": replace(toy_voice(), x_vector=torch.full((12,), torch.inf))}, "x_vector"),
    ],
)
def test_poisoned_utterance_is_refused_and_others_are_spoken(
    change: dict[str, object], message: str
) -> None:
    good = book()[0]
    poisoned = replace(good, **change)  # type: ignore[arg-type]
    with open_engine(toy_chatterbox(), PLAIN) as engine:
        bad, fine = engine.submit(poisoned), engine.submit(good)
        with pytest.raises(SpeechError, match=message):
            bad.result(TIMEOUT_S)
        assert len(fine.result(TIMEOUT_S).waveform)
        assert engine.is_alive()


@pytest.mark.parametrize("chosen", [None, "64"])
def test_a_cpu_keeps_few_operations_unless_told_how_many(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None
) -> None:
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    monkeypatch.setenv(name, chosen or "")
    if chosen is None:
        monkeypatch.delenv(name)
    with open_engine(toy_chatterbox(), PLAIN):
        assert os.environ[name] == (chosen or "256")
