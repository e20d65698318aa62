"""An engine whose networks are arithmetic, so that its output is known in advance."""

import threading
import time
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import torch

from narration.errors import SpeechError
from worker.chatterbox.config import SAMPLES_PER_TOKEN
from worker.chatterbox.t3.prompt import Prompt, SpeechTokens
from worker.chatterbox.t3.sampling import Sampling
from worker.chatterbox.voice import Voice, make_voice
from worker.engine.admission import Admission
from worker.engine.pipeline import PipelineEngine
from worker.engine.sharing import Backlog
from worker.engine.slot_stage import SlotStage
from worker.engine.sound_stage import SoundStage
from worker.engine.types import Delivery, Speech, Utterance

TIMEOUT_S = 20


def toy_voice() -> Voice:
    return make_voice(
        speaker=torch.ones(4),
        prompt_tokens=torch.arange(3),
        reference_tokens=torch.arange(2),
        reference_mel=torch.zeros(4, 80),
        x_vector=torch.ones(5),
    )


def utterance(text: str, seed: int = 0) -> Utterance:
    return Utterance(text=text, voice=toy_voice(), delivery=Delivery(), seed=seed)


def prepare(request: Utterance) -> Prompt:
    return Prompt(
        text_tokens=tuple(request.text.encode()),
        voice=request.voice,
        sampling=Sampling(seed=request.seed),
    )


class CountingDecoder:
    """Generates one token per character of the text, counting up from the seed.

    A text that begins with "poison" is refused; one with "nan" turns to NaN at its third step.
    """

    group = 1

    def __init__(self, slots: int = 3, step_s: float = 0.0005) -> None:
        self.steps = 0
        self.stepped_alone: list[frozenset[int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.dies_at_step: int | None = None
        self.is_closed = False
        self.busy: dict[int, tuple[Prompt, list[int]]] = {}
        self._slots = slots
        self._step_s = step_s

    @property
    def free(self) -> int:
        return self._slots - len(self.busy)

    def is_step_full(self, prompt: Prompt) -> bool:
        del prompt
        return False

    def join(self, prompt: Prompt) -> int:
        if bytes(prompt.text_tokens).startswith(b"poison"):
            raise SpeechError("refused")
        slot = next(s for s in range(self._slots) if s not in self.busy)
        self.busy[slot] = (prompt, [])
        return slot

    def step(self, only: Collection[int] = ()) -> None:
        self.gate.wait()
        time.sleep(self._step_s)
        self.stepped_alone.append(frozenset(only))
        self.steps += 1
        if self.steps == self.dies_at_step:
            raise RuntimeError("the device is gone")
        for slot, (prompt, tokens) in self.busy.items():
            if only and slot not in only:
                continue
            if len(tokens) < len(prompt.text_tokens):
                tokens.append(prompt.sampling.seed + len(tokens))

    def done(self) -> list[int]:
        return [slot for slot, row in self.busy.items() if _is_broken(*row) or _is_all_said(*row)]

    def release(self, slot: int) -> SpeechTokens:
        prompt, tokens = self.busy.pop(slot)
        if _is_broken(prompt, tokens):
            raise SpeechError("the model's numbers are not finite")
        return SpeechTokens(tokens=torch.tensor(tokens, dtype=torch.int64), is_truncated=False)

    def drop(self, slot: int) -> None:
        del self.busy[slot]

    def close(self) -> None:
        self.is_closed = True


def _is_broken(prompt: Prompt, tokens: list[int]) -> bool:
    return bytes(prompt.text_tokens).startswith(b"nan") and len(tokens) == 3


def _is_all_said(prompt: Prompt, tokens: list[int]) -> bool:
    return len(tokens) == len(prompt.text_tokens)


class ToneRenderer:
    """Holds each token's number for its 40 ms; refuses any batch that contains the token 5000."""

    is_watermarked = False
    first_tokens = 0

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.calls = 0
        self.prepared = 0
        self.can_prepare = True
        self.is_healthy = True
        self.gate = threading.Event()
        self.gate.set()

    def batch_share(self, utterance: Utterance, speech_tokens: SpeechTokens) -> float:
        del utterance, speech_tokens
        return 1.0

    def render(
        self, utterances: Sequence[Utterance], speech_tokens: Sequence[SpeechTokens]
    ) -> list[npt.NDArray[np.float32]]:
        del utterances
        self.calls += 1
        self.gate.wait()
        self.batches.append([len(s.tokens) for s in speech_tokens])
        if not self.is_healthy or any((s.tokens == 5000).any() for s in speech_tokens):
            raise ValueError("these tokens cannot be rendered")
        return [expected_waveform(s.tokens.numpy()) for s in speech_tokens]

    def prepare(self) -> bool:
        self.prepared += 1
        if not self.can_prepare:
            raise MemoryError("this length is too much")
        return self.prepared < 3

    def check_health(self) -> None:
        if not self.is_healthy:
            raise RuntimeError("the device is gone")


def expected_waveform(tokens: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    return np.repeat(tokens.astype(np.float32), SAMPLES_PER_TOKEN)


class Waiting(Backlog):
    """Records how many full batches wait for the sound stage."""

    batches = 0.0

    def update(self, batches: float) -> None:
        self.batches = batches
        super().update(batches)


def toy_engine(
    decoder: CountingDecoder | None = None,
    renderer: ToneRenderer | None = None,
    *,
    batch: int = 4,
    queue_limit: int = 100,
    threads: int = 1,
    waiting: Waiting | None = None,
) -> PipelineEngine:
    admission = Admission(queue_limit, first=queue_limit)
    decoder = decoder or CountingDecoder()
    sound = SoundStage(
        renderer or ToneRenderer(),
        batch,
        lambda: admission.inside,
        threads=threads,
        backlog=waiting,
    )
    return PipelineEngine(prepare, SlotStage(lambda: decoder), sound, admission)


def says(speech: Speech, text: str, seed: int = 0) -> bool:
    expected = np.arange(seed, seed + len(text))
    return np.array_equal(speech.tokens, expected) and np.array_equal(
        speech.waveform, expected_waveform(expected)
    )


def wait_until(condition: object) -> None:
    end = time.monotonic() + TIMEOUT_S
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.001)
