"""Makes a voice from a recording, by running the three voice networks as upstream does.

Source: docs/model.md, reference audio to voice.
"""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from narration.voices.recording import Recording
from worker.chatterbox.config import (
    FRAMES_PER_TOKEN,
    REFERENCE_RATE_HZ,
    REFERENCE_S,
    SAMPLE_RATE_HZ,
    TOKEN_RATE_HZ,
)
from worker.chatterbox.mel import (
    pad_rows,
    prompt_mel,
    speech_token_mel,
    voice_encoder_mel,
    x_vector_mel,
)
from worker.chatterbox.resample import resample_sinc, resample_soxr
from worker.chatterbox.speech_tokenizer import SpeechTokenizer
from worker.chatterbox.voice import Voice, make_voice
from worker.chatterbox.voice_encoder import VoiceEncoder, trim_silence
from worker.chatterbox.xvector import XVector

_PROMPT_S = 6  # at most this much of the recording prompts T3


class VoiceNetworks(Protocol):
    """The part of a checkpoint that prepares voices."""

    @property
    def speech_tokenizer(self) -> SpeechTokenizer:
        """Provides the prompt tokens of T3 and S3Gen."""

    @property
    def x_vector(self) -> XVector:
        """Provides S3Gen's timbre."""

    @property
    def voice_encoder(self) -> VoiceEncoder:
        """Provides T3's speaker identity."""


@torch.inference_mode()
def voice_from_recording(
    recording: Recording,
    networks: VoiceNetworks,
    prompt_tokens: int = _PROMPT_S * TOKEN_RATE_HZ,
) -> Voice:
    """Run every voice network on a recording.

    T3's inputs come from one resampler and S3Gen's 16 kHz copy from the other, as upstream.
    """
    samples = resample_soxr(recording.samples, recording.rate_hz, SAMPLE_RATE_HZ)
    at_16khz = resample_soxr(samples, SAMPLE_RATE_HZ, REFERENCE_RATE_HZ)
    device = networks.voice_encoder.proj.weight.device
    recording_16khz = torch.from_numpy(at_16khz).to(device)
    prompt = recording_16khz[: _PROMPT_S * REFERENCE_RATE_HZ]
    reference = torch.from_numpy(samples[: REFERENCE_S * SAMPLE_RATE_HZ]).to(device)
    reference_16khz = resample_sinc(reference, SAMPLE_RATE_HZ, REFERENCE_RATE_HZ)

    mel = prompt_mel(reference).T
    return make_voice(
        speaker=_identify(networks.voice_encoder, recording_16khz),
        prompt_tokens=_tokenize(networks.speech_tokenizer, prompt, prompt_tokens),
        # A token covers two frames; an odd last frame is kept without one.
        reference_tokens=_tokenize(
            networks.speech_tokenizer, reference_16khz, len(mel) // FRAMES_PER_TOKEN
        ),
        reference_mel=mel,
        x_vector=_fingerprint(networks.x_vector, reference_16khz),
    )


@torch.inference_mode()
def compare_speakers(voice: Voice, waveform: np.ndarray, *, networks: VoiceNetworks) -> float:
    """Return how similar a waveform and a voice sound: the cosine of their speaker embeddings.

    Shapes: waveform (S,) at 24 kHz.
    """
    at_16khz = resample_soxr(waveform, SAMPLE_RATE_HZ, REFERENCE_RATE_HZ)
    device = networks.voice_encoder.proj.weight.device
    speaker = _identify(networks.voice_encoder, torch.from_numpy(at_16khz).to(device)).cpu()
    return functional.cosine_similarity(speaker.float(), voice.speaker, dim=0).item()


def _tokenize(network: SpeechTokenizer, waveform: Tensor, most_tokens: int) -> Tensor:
    mel = speech_token_mel(waveform, network.mels)
    return network.tokenize([mel])[0][:most_tokens]


def _identify(network: VoiceEncoder, waveform: Tensor) -> Tensor:
    return network.embed([voice_encoder_mel(trim_silence(waveform), network.mels)])[0]


def _fingerprint(network: XVector, waveform: Tensor) -> Tensor:
    embedding: Tensor = network(*pad_rows([x_vector_mel(waveform, network.mels)]))[0]
    return embedding
