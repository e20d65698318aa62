"""The encoding shared by the engine and T3 on vLLM: a prompt's ids and a position's numbers.

vLLM passes a model only the token ids and positions of a request. So the prompt's conditioning
slots encode, as digits, which conditioning to use and how much guidance. Besides the place in the
sequence, every position holds the two numbers that each decoding step needs. Knows neither vLLM nor
weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from torch import Tensor

from worker.chatterbox.config import START_SPEECH, T3Config

# 31 bits in all, because vLLM's model runner V2 keeps a request's positions as int32.
PLACE_BITS = 12
TEXT_BITS = 10
GUIDANCE_BITS = 9

MAX_PLACES = 1 << PLACE_BITS
MAX_TEXT_TOKENS = (1 << TEXT_BITS) - 1
GUIDANCE_CODES_PER_UNIT = 200  # steps of 0.005
MAX_GUIDANCE = 2.0

DIGITS = 512
SERIAL_DIGITS = 3
HEADER_LENGTH = 1 + SERIAL_DIGITS + 1  # bank row, serial number, guidance
START_SPEECH_TIMES = 2  # upstream trains with one START and generates with two

IntLike = TypeVar("IntLike", int, Tensor)


@dataclass(frozen=True, slots=True, kw_only=True)
class BankRow:
    """A row of the conditioning bank in use, under a serial number that is used only once.

    Another voice may get the row later; the serial keeps vLLM's prefix cache from reusing the keys
    and values of the previous voice.
    """

    index: int
    serial: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptHeader:
    """What the model reads back from a prompt."""

    row: int
    text_length: int
    guidance_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptLayout:
    """The id space: speech tokens, then text tokens, then digits; only speech is sampled."""

    speech_vocab: int
    text_vocab: int
    text_positions: int
    conditioning_length: int
    max_new_tokens: int

    @classmethod
    def of(cls, config: T3Config) -> Self:
        """Lay out a checkpoint's ids."""
        return cls(
            speech_vocab=config.speech_vocab,
            text_vocab=config.text_vocab,
            text_positions=config.text_positions,
            conditioning_length=config.conditioning_length,
            max_new_tokens=config.max_new_tokens,
        )

    @property
    def first_digit(self) -> int:
        """Where the digits begin."""
        return self.speech_vocab + self.text_vocab

    @property
    def vocab_size(self) -> int:
        """The width of logits: vLLM's penalties index them by the ids of the prompt."""
        return self.first_digit + DIGITS

    @property
    def max_text_tokens(self) -> int:
        """The longest text that leaves room for max_new_tokens."""
        fixed = self.conditioning_length + START_SPEECH_TIMES + self.max_new_tokens
        return min(MAX_TEXT_TOKENS, self.text_positions, MAX_PLACES - fixed)

    @property
    def max_length(self) -> int:
        """The longest prompt and output together."""
        fixed = self.conditioning_length + START_SPEECH_TIMES + self.max_new_tokens
        return fixed + self.max_text_tokens

    def prompt(self, row: BankRow, text: Sequence[int], guidance: float) -> list[int]:
        """Write a prompt: conditioning slots, text, START_SPEECH twice."""
        serial = [row.serial // DIGITS**i % DIGITS for i in range(SERIAL_DIGITS)]
        header = [row.index, *serial, encode_guidance(guidance)]
        header += [0] * (self.conditioning_length - HEADER_LENGTH)
        return [
            *(self.first_digit + digit for digit in header),
            *(self.speech_vocab + token for token in text),
            *[START_SPEECH] * START_SPEECH_TIMES,
        ]

    def read(self, ids: Sequence[int]) -> PromptHeader:
        """Decode a prompt; generated tokens may follow it."""
        if not ids or ids[0] < self.first_digit:
            return PromptHeader(row=0, text_length=0, guidance_code=0)  # vLLM's own warm-up
        speech = (i for i, token in enumerate(ids) if token < self.speech_vocab)
        return PromptHeader(
            row=ids[0] - self.first_digit,
            text_length=next(speech) - self.conditioning_length,
            guidance_code=ids[HEADER_LENGTH - 1] - self.first_digit,
        )


def encode_guidance(guidance: float) -> int:
    """Round a guidance weight to its code."""
    return round(guidance * GUIDANCE_CODES_PER_UNIT)


def decode_guidance(code: Tensor) -> Tensor:
    """Convert codes back to weights, as float32."""
    return code.float() / GUIDANCE_CODES_PER_UNIT


def pack(header: PromptHeader) -> int:
    """Shift a request's numbers above the bits of a place; adding a place gives a position."""
    return (header.text_length | header.guidance_code << TEXT_BITS) << PLACE_BITS


def unpack(position: IntLike) -> tuple[IntLike, IntLike, IntLike]:
    """Split positions into place, text length and guidance code."""
    place = position & (MAX_PLACES - 1)
    text_length = position >> PLACE_BITS & MAX_TEXT_TOKENS
    return place, text_length, position >> (PLACE_BITS + TEXT_BITS)


def rope_parameters(config: T3Config) -> dict[str, Any]:
    """Return T3's rotary embedding in the format of Hugging Face's configurations."""
    return {
        "rope_type": "llama3",
        "rope_theta": config.rope_theta,
        "factor": config.rope_factor,
        "low_freq_factor": config.rope_low_freq_factor,
        "high_freq_factor": config.rope_high_freq_factor,
        "original_max_position_embeddings": config.rope_original_positions,
    }
