"""T3's input and output for an utterance, the same on plain PyTorch and on vLLM."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from worker.chatterbox.t3.sampling import Sampling
from worker.chatterbox.voice import Voice


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One utterance to speak. `text_tokens` as `TextTokenizer.encode` gives them.

    `max_new_tokens` includes STOP; None uses the model's own limit.
    """

    text_tokens: Sequence[int]
    voice: Voice
    exaggeration: float = 0.5
    sampling: Sampling = field(default_factory=Sampling)
    max_new_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechTokens:
    """The speech tokens of a row, without STOP.

    Shapes: tokens (T,) int64 on the CPU, all below ACOUSTIC_TOKENS.
    `is_truncated`: STOP had not come when the limit was reached or the slot was released.
    """

    tokens: Tensor
    is_truncated: bool
