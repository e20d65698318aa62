"""Golden outputs of upstream's HiFT vocoder.

Run as `UPSTREAM/bin/python -m tests.goldens.make_hift [--full]`.
Stored for each utterance: pitch, source and waveform. The source is also computed in float64:
upstream accumulates its phase in float32, whose rounding exceeds a tolerance of 1e-5.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from unittest import mock

import torch
from torch import Tensor, nn

from tests.goldens import upstream
from tests.goldens.make_s3gen import round_weights
from worker.chatterbox.config import MEL_BINS, SAMPLE_RATE_HZ, HiftConfig

TOY = HiftConfig(base_channels=32, f0_channels=24)
PITCH_HZ = 60.0  # mean and spread: some frames are below 10 Hz, and so unvoiced


def build(config: HiftConfig) -> nn.Module:
    from chatterbox.models.s3gen.f0_predictor import ConvRNNF0Predictor
    from chatterbox.models.s3gen.hifigan import HiFTGenerator

    dilations = [list(config.resblock_dilations)] * 3
    return HiFTGenerator(
        base_channels=config.base_channels,
        sampling_rate=SAMPLE_RATE_HZ,
        upsample_rates=list(config.upsample_rates),
        upsample_kernel_sizes=list(config.upsample_kernels),
        source_resblock_kernel_sizes=list(config.source_kernels),
        source_resblock_dilation_sizes=dilations,
        resblock_kernel_sizes=list(config.resblock_kernels),
        resblock_dilation_sizes=dilations,
        f0_predictor=ConvRNNF0Predictor(cond_channels=config.f0_channels),
    )


@torch.no_grad()
def randomize(vocoder: nn.Module, seed: int) -> None:
    """Give every layer a gain near one, so that the waveform depends on mel and source alike."""
    draw = upstream.generator(seed)

    def uniform(tensor: Tensor, low: float, high: float) -> None:
        tensor.copy_(low + (high - low) * torch.rand(tensor.shape, generator=draw))

    for name, tensor in vocoder.state_dict().items():
        if name.endswith("original0"):
            gain = 0.4 if "resblocks" in name else 1.5 if "ups." in name else 1.0
            uniform(tensor, 0.7 * gain, 1.3 * gain)
        elif name.endswith("alpha"):
            uniform(tensor, 0.5, 2.0)
        elif name.endswith("bias"):
            uniform(tensor, -0.1, 0.1)
    vocoder.m_source.l_linear.weight.copy_(torch.randn(1, 9, generator=draw))


@torch.no_grad()
def spread_pitch(vocoder: nn.Module, mel: Tensor) -> None:
    """Scale and bias the pitch so that voiced and unvoiced frames both occur, and check it."""
    predictor = vocoder.f0_predictor
    layer = predictor.classifier
    raw = layer(predictor.condnet(mel).transpose(1, 2))
    layer.weight.mul_(PITCH_HZ / raw.std())
    layer.bias.copy_(PITCH_HZ - (raw.mean() - layer.bias) * PITCH_HZ / raw.std())
    voiced = (predictor(mel) > 10).float().mean()
    assert 0.3 < voiced < 0.97, voiced


@torch.no_grad()
def calm(vocoder: nn.Module, mel: Tensor) -> None:
    """Scale the last convolution so that the waveform is loud but rarely clipped, and check it."""
    outputs: list[Tensor] = []
    hook = vocoder.conv_post.register_forward_hook(lambda *call: outputs.append(call[2]))
    vocoder.inference(mel)
    hook.remove()
    gain = vocoder.conv_post.parametrizations.weight.original0
    gain.mul_(0.8 / outputs[0].std())
    wave, _ = vocoder.inference(mel)
    clipped = (wave.abs() >= 0.989).float().mean()
    assert clipped < 0.05, clipped
    assert wave.std() > 0.02, wave.std()


@contextmanager
def overheard() -> Iterator[list[Tensor]]:
    """Record all normal noise and all phases that upstream draws."""
    drawn: list[Tensor] = []
    randn_like, uniform = torch.randn_like, torch.distributions.uniform.Uniform.sample

    def listen(call: object) -> object:
        def drawing(*args: object, **named: object) -> Tensor:
            drawn.append(call(*args, **named))
            return drawn[-1].clone()

        return drawing

    with (
        mock.patch("torch.randn_like", listen(randn_like)),
        mock.patch("torch.distributions.uniform.Uniform.sample", listen(uniform)),
    ):
        yield drawn


@contextmanager
def replayed(phases: Tensor, noise: Tensor) -> Iterator[None]:
    """Replay recorded draws to upstream, in float64."""
    draws = [noise.double(), torch.zeros(1, 1, noise.shape[-1], dtype=torch.float64)]
    torch.set_default_dtype(torch.float64)
    with (
        mock.patch("torch.randn_like", side_effect=draws),
        mock.patch("torch.distributions.uniform.Uniform.sample", return_value=phases.double()),
    ):
        yield
    torch.set_default_dtype(torch.float32)


@torch.no_grad()
def run(vocoder: nn.Module, mel: Tensor, index: int) -> dict[str, Tensor]:
    with overheard() as drawn:
        wave, source = vocoder.inference(mel[None])
    phases, noise, _ = drawn
    f0 = vocoder.f0_predictor(mel[None])
    with replayed(phases, noise):
        upsampled = vocoder.f0_upsamp(f0.double()[:, None]).transpose(1, 2)
        exact, _, _ = vocoder.m_source.double()(upsampled)
    vocoder.m_source.float()
    weight = vocoder.m_source.l_linear.weight.double()
    merged = (weight @ noise[0].double())[0] / weight.norm()
    return {
        f"{index}.mel": mel,
        f"{index}.phases": phases[0, 1:, 0],
        f"{index}.noise": merged.float(),
        f"{index}.f0": f0[0],
        f"{index}.source": exact[0, :, 0].float(),
        f"{index}.decoded": vocoder.decode(mel[None], exact.float().transpose(1, 2))[0],
        f"{index}.waveform": wave[0],
        f"{index}.drift": (source[0, 0] - exact[0, :, 0].float()).abs().max(),
    }


def main(*, full: bool) -> None:
    upstream.prepare(seed=5)
    config, frames, folder = (
        (HiftConfig(), [200, 131], upstream.FULL) if full else (TOY, [17, 10], upstream.TOY)
    )
    vocoder = build(config).eval()
    draw = upstream.generator(6)
    mels = [torch.randn(MEL_BINS, count, generator=draw) * 2 - 5 for count in frames]
    randomize(vocoder, seed=7)
    spread_pitch(vocoder, mels[0][None])
    calm(vocoder, mels[0][None])
    weights = round_weights(vocoder)
    tensors = {f"mel2wav.{name}": tensor for name, tensor in weights.items()}
    for index, mel in enumerate(mels):
        tensors |= run(vocoder, mel, index)
    upstream.save(folder / "hift.safetensors", tensors, config=json.dumps(asdict(config)))


if __name__ == "__main__":
    main(full="--full" in sys.argv)
