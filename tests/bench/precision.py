"""Measures the errors of the fast path: bfloat16 and float16, and different batches.

    python -m tests.bench.precision --out precision.json            # on a GPU
    python -m tests.bench.precision --toy                            # only checks that it runs

Random weights of the official shapes, scaled so that signals do not vanish. Errors are root mean
squares divided by the exact signal's standard deviation; `noise_db` is the same in decibels.
"""

import argparse
import copy
import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tests.bench.s3gen import TOY_FLOW, TOY_HIFT, draw_lengths, draw_voice
from tests.bench.synthetic import TOY
from worker.chatterbox.config import ACOUSTIC_TOKENS, FRAMES_PER_TOKEN, ChatterboxConfig
from worker.chatterbox.hift.source import draw_noise as draw_source_noise
from worker.chatterbox.hift.vocoder import Vocoder
from worker.chatterbox.s3gen.flow import Flow, draw_noise, noise_frames
from worker.chatterbox.s3gen.graphs import accelerate
from worker.chatterbox.t3.conditioning import Conditioning
from worker.chatterbox.t3.model import T3

CROWD, FEW = 32, 4
ROWS, TEXT, SPEECH = 8, 60, 200  # of T3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("precision.json"))
    parser.add_argument("--toy", action="store_true")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    config = TOY if arguments.toy else ChatterboxConfig()
    report: dict[str, Any] = {"device": device.type}
    with torch.inference_mode():
        for part in (t3, sound):
            report |= part(config, device)
            arguments.out.write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))


def t3(config: ChatterboxConfig, device: torch.device) -> dict[str, Any]:
    """Logits after 200 speech tokens, with and without conditioning."""
    with device:
        network = T3(config.t3).eval().requires_grad_(False)
        enliven(network)
        text = torch.randint(1, 200, (ROWS, TEXT))
        speech = torch.randint(ACOUSTIC_TOKENS, (ROWS, SPEECH))
        conditioning = Conditioning(
            speaker=torch.randn(ROWS, config.t3.speaker_width),
            prompt_tokens=torch.randint(ACOUSTIC_TOKENS, (ROWS, config.t3.prompt_tokens)),
            prompt_lengths=torch.full((ROWS,), config.t3.prompt_tokens),
            exaggeration=torch.full((ROWS,), 0.5),
        )
        lengths = {
            "text_lengths": torch.full((ROWS,), TEXT),
            "speech_lengths": torch.full((ROWS,), SPEECH),
            "is_unconditional": torch.arange(ROWS) % 2 == 1,
        }

    def logits(model: T3) -> Tensor:
        return model(text, speech, conditioning, **lengths).float()[..., :ACOUSTIC_TOKENS]

    exact = logits(network)
    coarse = logits(copy.deepcopy(network).bfloat16())
    chances = exact.log_softmax(-1)  # at temperature 1
    same = exact.argmax(-1) == coarse.argmax(-1)
    return {
        "t3_logits": error(coarse, exact)
        | {
            "std": float(exact.std()),
            "same_likeliest": float(same.float().mean()),
            "kl_nats": float((chances.exp() * (chances - coarse.log_softmax(-1))).sum(-1).mean()),
        }
    }


def sound(config: ChatterboxConfig, device: torch.device) -> dict[str, Any]:
    """Mels, waveforms of the same mel, and utterances alone against the same in a batch."""
    is_toy = config is TOY
    with device:
        flow = Flow(TOY_FLOW if is_toy else config.flow).eval().requires_grad_(False)
        vocoder = Vocoder(TOY_HIFT if is_toy else config.hift).eval().requires_grad_(False)
    enliven(flow)
    enliven(vocoder)
    draw = torch.Generator().manual_seed(1)
    voices = [draw_voice(draw)] * CROWD
    lengths = draw_lengths(CROWD, 1.0 if is_toy else 20.0)
    tokens = [torch.randint(ACOUSTIC_TOKENS, (n,), generator=draw) for n in lengths]
    noise = [draw_noise(noise_frames(n, voices[0]), draw) for n in lengths]
    source = [draw_source_noise(FRAMES_PER_TOKEN * n, vocoder.config, draw) for n in lengths]
    mels = flow.generate(tokens[:FEW], voices[:FEW], noise[:FEW])
    set_level(vocoder, mels, source[:FEW])
    waves = vocoder.synthesize(mels, source[:FEW])
    fast_flow, fast_vocoder = quicken(copy.deepcopy(flow), copy.deepcopy(vocoder))
    crowd = fast_flow.generate(tokens, voices, noise)
    crowd_waves = fast_vocoder.synthesize(crowd, source)
    alone, alone_waves = [], []
    for index in range(FEW):
        here = slice(index, index + 1)
        alone += fast_flow.generate(tokens[here], voices[here], noise[here])
        alone_waves += fast_vocoder.synthesize(alone[-1:], source[here])
    return {
        "mel": error(crowd[:FEW], mels),
        "waveform": error(fast_vocoder.synthesize(mels, source[:FEW]), waves),
        "batch_mel": error(alone, crowd[:FEW]),
        "batch_waveform": error(alone_waves, crowd_waves[:FEW]),
        "batch_waveform_of_one_mel": error(
            [
                fast_vocoder.synthesize([mel], [row])[0]
                for mel, row in zip(crowd[:FEW], source[:FEW], strict=True)
            ],
            crowd_waves[:FEW],
        ),
    }


def quicken(flow: Flow, vocoder: Vocoder) -> tuple[Flow, Vocoder]:
    if not torch.cuda.is_available():
        flow.use_precision(torch.bfloat16)
        return flow, vocoder
    from worker.chatterbox.hift.fast import accelerate_vocoder

    accelerate(flow)
    accelerate_vocoder(vocoder)
    return flow, vocoder


def enliven(network: nn.Module) -> None:
    """Draw weights that preserve the scale of their inputs."""
    for name, weight in network.named_parameters():
        if weight.dim() == 1:
            weight.normal_(1.0 if "norm" in name and "bias" not in name else 0.0, 0.1)
            if "alpha" in name:
                weight.abs_().add_(0.5)
        elif "emb" in name and weight.dim() == 2:
            weight.normal_()
        else:
            gain = 0.4 if "resblocks" in name else 1.0
            weight.normal_(0.0, gain / math.sqrt(weight[0].numel()))


def set_level(vocoder: Vocoder, mels: list[Tensor], source: list[Any]) -> None:
    """Scale the last layer's output to the range of a log-spectrum."""
    heard: list[Tensor] = []
    handle = vocoder.conv_post.register_forward_hook(lambda _, __, output: heard.append(output))
    vocoder.synthesize(mels, source)
    handle.remove()
    vocoder.conv_post.weight.mul_(0.8 / heard[0].std())
    vocoder.conv_post.bias.zero_()


def error(found: Tensor | list[Tensor], exact: Tensor | list[Tensor]) -> dict[str, float]:
    one, other = (torch.cat([r.flatten() for r in rows]).double() for rows in (found, exact))
    share = float((one - other).std() / other.std())
    return {
        "rms": share,
        "noise_db": 20 * math.log10(max(share, 1e-12)),
        "largest": float((one - other).abs().max()),
        "largest_of": float(other.abs().max()),
    }


if __name__ == "__main__":
    main()
