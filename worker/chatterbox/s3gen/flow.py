"""Converts speech tokens and voices to mels: encoder, voice projection and flow, batched."""

from collections.abc import Sequence
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from worker.chatterbox.config import ACOUSTIC_TOKENS, FRAMES_PER_TOKEN, MEL_BINS, FlowConfig
from worker.chatterbox.rows import Ends, OnRows, call_in_groups, call_padded, upload
from worker.chatterbox.s3gen.attention import Linear
from worker.chatterbox.s3gen.encoder import UpsamplingEncoder
from worker.chatterbox.s3gen.packing import pack_lengths
from worker.chatterbox.s3gen.solver import Estimate, cosine_times, guided_lengths, integrate
from worker.chatterbox.s3gen.unet import Condition, Estimator, FrameConv
from worker.chatterbox.voice import Voice

ENCODER_ROWS = 8  # distance scores are rows x heads x T x 2T: 0.5 GB here at 1,000 frames


class Flow(nn.Module):
    """S3Gen without its front ends: the tensors under `flow.` in the checkpoint."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.config = config
        self.input_embedding = nn.Embedding(ACOUSTIC_TOKENS, config.encoder_width)
        self.spk_embed_affine_layer = nn.Linear(config.x_vector_width, MEL_BINS)
        self.encoder = UpsamplingEncoder(config)
        self.encoder_proj = nn.Linear(config.encoder_width, MEL_BINS)
        self.decoder = nn.ModuleDict({"estimator": Estimator(config)})
        self.encoder_rows = ENCODER_ROWS
        # Set by `accelerate`: the estimator and `encode_padded` as CUDA graphs.
        self.fast_estimate: Estimate | None = None
        self.fast_encode: OnRows | None = None

    @property
    def device(self) -> torch.device:
        return self.encoder_proj.weight.device

    @property
    def estimator(self) -> Estimator:
        return cast("Estimator", self.decoder["estimator"])

    def use_precision(self, dtype: torch.dtype) -> None:
        """Compute the large products of encoder and estimator in another precision.

        Norms, time, the last projection and the solver's state stay in float32.
        """
        for part in self.modules():
            if isinstance(part, Linear | FrameConv) and part is not self.estimator.final_proj:
                part.to(dtype)

    @torch.no_grad()
    def generate(
        self,
        tokens: Sequence[Tensor],
        voices: Sequence[Voice],
        noise: Sequence[Tensor],
    ) -> list[Tensor]:
        """Generate the mel of each row of tokens in its voice; rows do not affect each other.

        Shapes: per row tokens (T,) below ACOUSTIC_TOKENS; noise (80, frames) as `noise_frames`
        says -> mel (80, 2T).
        """
        prompts = [prompt_frames(voice) for voice in voices]
        lengths = [row.shape[1] for row in noise]
        packing = pack_lengths(guided_lengths(lengths, self.config.guidance), self.device)
        mel = integrate(
            self.fast_estimate or self.estimator,
            upload(torch.cat([row.T for row in noise]), self.device),
            self.condition(tokens, voices),
            packing,
            times=cosine_times(self.config.steps),
            guidance=self.config.guidance,
        )
        rows = zip(mel.split(lengths), prompts, strict=True)
        return [row[prompt:].T for row, prompt in rows]

    def condition(self, tokens: Sequence[Tensor], voices: Sequence[Voice]) -> Condition:
        """Prepare the estimator's condition for rows of tokens and their voices."""
        x_vectors = torch.stack([voice.x_vector for voice in voices])
        rows = [
            torch.cat([voice.reference_tokens, row.to("cpu")])
            for voice, row in zip(voices, tokens, strict=True)
        ]
        prompts = [
            _fit(voice.reference_mel[: prompt_frames(voice)], FRAMES_PER_TOKEN * len(row))
            for voice, row in zip(voices, rows, strict=True)
        ]
        return Condition(
            features=torch.cat(self.encode(rows)),
            prompt=upload(torch.cat(prompts), self.device),
            timbre=self.project_timbre(upload(x_vectors, self.device)),
        )

    def project_timbre(self, x_vectors: Tensor) -> Tensor:
        """Shapes: x_vectors (B, 192) -> (B, 80)."""
        return self.spk_embed_affine_layer(F.normalize(x_vectors, dim=1))

    def encode(self, rows: Sequence[Tensor]) -> list[Tensor]:
        """Turn rows of tokens (prompt included) into features. Shapes: (T,) -> (2T, 80)."""
        encode = self.fast_encode or partial(call_padded, self.encode_padded, device=self.device)
        lengths = [len(row) for row in rows]
        return call_in_groups(
            encode, [rows], lengths, most=self.encoder_rows, rate=FRAMES_PER_TOKEN
        )

    def encode_padded(self, tokens: Tensor, ends: Ends) -> Tensor:
        """Encode padded rows.

        Shapes: tokens (B, T); ends in tokens -> (B, 2T, 80), padded frames undefined.
        """
        mask = ends.mask()
        is_token = None if mask is None else mask[:, 0].bool()
        return self.encoder_proj(self.encoder(self.input_embedding(tokens), is_token))


def prompt_frames(voice: Voice) -> int:
    """Count the mel frames that a voice's prompt takes: two per reference token.

    A recording of odd length has one mel frame more than its tokens cover; keeping it, as upstream
    does, would drop the last frame of the utterance.
    """
    return FRAMES_PER_TOKEN * len(voice.reference_tokens)


def noise_frames(tokens: int, voice: Voice) -> int:
    """Count the frames of noise for an utterance of this many tokens: prompt and speech."""
    return prompt_frames(voice) + FRAMES_PER_TOKEN * tokens


def draw_noise(frames: int, generator: torch.Generator) -> Tensor:
    """Draw one row's noise from its own CPU generator, the same on every device.

    Shapes: (80, frames).
    """
    return torch.randn(MEL_BINS, frames, generator=generator)


def _fit(frames: Tensor, length: int) -> Tensor:
    return F.pad(frames, (0, 0, 0, length - frames.shape[0]))
