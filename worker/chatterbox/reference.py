"""From a recording to a voice: run the three voice networks as upstream does.

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

_PROMPT_S = 6  # T3 is prompted with this much of the recording, at most


class VoiceNetworks(Protocol):
    """The part of a checkpoint that a voice is prepared with."""

    @property
    def speech_tokenizer(self) -> SpeechTokenizer:
        """Gives T3 and S3Gen their prompt tokens."""

    @property
    def x_vector(self) -> XVector:
        """Gives S3Gen the timbre."""

    @property
    def voice_encoder(self) -> VoiceEncoder:
        """Gives T3 the identity."""


@torch.inference_mode()
def voice_from_recording(
    recording: Recording,
    networks: VoiceNetworks,
    prompt_tokens: int = _PROMPT_S * TOKEN_RATE_HZ,
) -> Voice:
    """Run every voice network on a recording.

    T3's inputs come from one resampler, S3Gen's 16 kHz copy from the other, as upstream has it.
    """
    samples = resample_soxr(recording.samples, recording.rate_hz, SAMPLE_RATE_HZ)
    at_16khz = resample_soxr(samples, SAMPLE_RATE_HZ, REFERENCE_RATE_HZ)
    device = networks.voice_encoder.proj.weight.device
    whole = torch.from_numpy(at_16khz).to(device)
    prompt = whole[: _PROMPT_S * REFERENCE_RATE_HZ]
    reference = torch.from_numpy(samples[: REFERENCE_S * SAMPLE_RATE_HZ]).to(device)
    reference_16khz = resample_sinc(reference, SAMPLE_RATE_HZ, REFERENCE_RATE_HZ)

    mel = prompt_mel(reference).T
    return make_voice(
        speaker=_identify(networks.voice_encoder, whole),
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
    """Return how alike a waveform and a voice's recording sound: the cosine of their speakers.

    Shapes: waveform (S,) at 24 kHz.
    """
    at_16khz = resample_soxr(waveform, SAMPLE_RATE_HZ, REFERENCE_RATE_HZ)
    device = networks.voice_encoder.proj.weight.device
    spoken = _identify(networks.voice_encoder, torch.from_numpy(at_16khz).to(device)).cpu()
    return functional.cosine_similarity(spoken.float(), voice.speaker, dim=0).item()


def _tokenize(network: SpeechTokenizer, waveform: Tensor, most_tokens: int) -> Tensor:
    mel = speech_token_mel(waveform, network.mels)
    return network.tokenize([mel])[0][:most_tokens]


def _identify(network: VoiceEncoder, waveform: Tensor) -> Tensor:
    return network.embed([voice_encoder_mel(trim_silence(waveform), network.mels)])[0]


def _fingerprint(network: XVector, waveform: Tensor) -> Tensor:
    embedding: Tensor = network(*pad_rows([x_vector_mel(waveform, network.mels)]))[0]
    return embedding
