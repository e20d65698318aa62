"""Checks an utterance and turns it into a prompt; refusing here protects the rest of the batch."""

import math

import torch
from torch import Tensor

from narration.errors import SpeechError
from worker.chatterbox.config import (
    ACOUSTIC_TOKENS,
    MEL_BINS,
    START_TEXT,
    STOP_TEXT,
    ChatterboxConfig,
)
from worker.chatterbox.t3.prompt import Prompt
from worker.chatterbox.t3.sampling import Sampling
from worker.chatterbox.tokenizer import TextTokenizer, normalize_punctuation
from worker.chatterbox.voice import Voice
from worker.engine.types import Delivery, Utterance

# For each field of a delivery, the lowest and highest meaningful value.
DELIVERY_LIMITS = {
    "exaggeration": (0.0, 2.0),
    "cfg_weight": (0.0, 2.0),
    "temperature": (0.0, 5.0),  # 0 always takes the likeliest token
    "repetition_penalty": (1.0, 10.0),
    "min_p": (0.0, 1.0),
    "top_p": (0.01, 1.0),
}


def make_prompt(
    utterance: Utterance,
    tokenizer: TextTokenizer,
    config: ChatterboxConfig,
    max_text_tokens: int,
) -> Prompt:
    """Check and tokenize one utterance.

    Raises: SpeechError if its text is empty or too long, its delivery out of range, or its voice
    not one of this model's.
    """
    delivery = utterance.delivery
    check_delivery(delivery)
    check_voice(utterance.voice, config)
    pieces = tokenizer.encode(normalize_punctuation(utterance.text))
    text_tokens = (START_TEXT, *pieces, STOP_TEXT)
    if len(text_tokens) > max_text_tokens:
        raise SpeechError(
            f"the chunk has {len(text_tokens)} text tokens, at most {max_text_tokens} fit: split it"
        )
    return Prompt(
        text_tokens=text_tokens,
        voice=utterance.voice,
        exaggeration=delivery.exaggeration,
        sampling=Sampling(
            guidance=delivery.cfg_weight,
            temperature=delivery.temperature,
            repetition_penalty=delivery.repetition_penalty,
            min_p=delivery.min_p,
            top_p=delivery.top_p,
            seed=utterance.seed,
        ),
    )


def check_delivery(delivery: Delivery) -> None:
    """Refuse a delivery with a field outside its limits.

    Raises: SpeechError naming the field.
    """
    for name, (low, high) in DELIVERY_LIMITS.items():
        value = getattr(delivery, name)
        if not (math.isfinite(value) and low <= value <= high):
            raise SpeechError(f"{name} is {value}: choose {low} to {high}")


def check_voice(voice: Voice, config: ChatterboxConfig) -> None:
    """Refuse a damaged voice or one made for another model: it would stop the whole batch.

    Raises: SpeechError naming the tensor.
    """
    mel = voice.reference_mel
    is_sound = {
        "speaker": _is_vector(voice.speaker, config.t3.speaker_width),
        "prompt_tokens": _are_tokens(voice.prompt_tokens),
        "reference_tokens": _are_tokens(voice.reference_tokens),
        "reference_mel": mel.dim() == 2 and mel.shape[1] == MEL_BINS and _is_finite(mel),
        "x_vector": _is_vector(voice.x_vector, config.x_vector.width),
    }
    wrong = [name for name, is_right in is_sound.items() if not is_right]
    if wrong:
        raise SpeechError(
            f"voice {voice.digest[:12]} does not fit the model ({', '.join(wrong)}): "
            "prepare it again"
        )


def _is_vector(tensor: Tensor, width: int) -> bool:
    return tuple(tensor.shape) == (width,) and _is_finite(tensor)


def _is_finite(tensor: Tensor) -> bool:
    return bool(torch.isfinite(tensor).all())


def _are_tokens(tensor: Tensor) -> bool:
    is_row = tensor.dim() == 1 and len(tensor) > 0
    return is_row and bool(((tensor >= 0) & (tensor < ACOUSTIC_TOKENS)).all())
