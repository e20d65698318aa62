"""Measure upstream's chatterbox-tts with 10 s chunks one by one, which is how it works.

    UPSTREAM/bin/python -m tests.bench.upstream --out upstream.json      # tests/goldens/upstream.py

Random weights of the official shapes in float32, guidance 0.5, 10 s reference, 10 flow steps; its
watermark, which it computes on the CPU, is left out. `--seconds 1` only checks that it runs.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import torch
from torch import Tensor, nn

from worker.chatterbox.config import (
    STOP_SPEECH,
    TOKEN_RATE_HZ,
    FlowConfig,
    HiftConfig,
    T3Config,
)

# Imported by parts of upstream's package that are not measured, so they may be missing.
_NOT_NEEDED = ("librosa", "librosa.filters", "perth", "spacy_pkuseg", "pykakasi", "torchaudio")
_NEVER = -1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("upstream.json"))
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--repeats", type=int, default=2)
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokens = round(arguments.seconds * TOKEN_RATE_HZ)
    leave_out()
    seconds = {}
    with torch.inference_mode():
        for name, make in (("t3", make_t3), ("flow", make_flow), ("hift", make_hift)):
            torch.manual_seed(0)
            seconds[name] = clock(make(device, tokens), arguments.repeats)
    report = {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "audio_s": arguments.seconds,
        "seconds": seconds,
        "x": arguments.seconds / sum(seconds.values()),
    }
    arguments.out.write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))


def leave_out() -> None:
    import diffusers.models.attention  # first, because both check what is installed
    from transformers import LlamaModel

    assert LlamaModel is not None
    assert diffusers is not None
    for name in _NOT_NEEDED:
        try:
            __import__(name)
        except ImportError:
            sys.modules[name] = missing = mock.MagicMock()
            missing.__name__, missing.__path__, missing.__spec__ = name, [], None


def make_t3(device: torch.device, tokens: int) -> Callable[[], object]:
    from chatterbox.models.t3.modules.cond_enc import T3Cond

    from tests.goldens.make_t3 import build

    config = T3Config()
    model = build(config).to(device)
    model.speech_head.register_forward_hook(_go_on)
    condition = T3Cond(
        speaker_emb=torch.randn(1, config.speaker_width),
        cond_prompt_speech_tokens=torch.randint(6561, (1, config.prompt_tokens)),
        emotion_adv=torch.full((1, 1, 1), 0.5),
    ).to(device=device)
    text = torch.randint(1, 200, (1, 100))
    text[0, 0], text[0, -1] = model.hp.start_text_token, model.hp.stop_text_token
    return lambda: model.inference(
        t3_cond=condition,
        text_tokens=text.repeat(2, 1).to(device),
        max_new_tokens=tokens,
        temperature=0.8,
        min_p=0.05,
        top_p=1.0,
        repetition_penalty=1.2,
        cfg_weight=0.5,
    )


def _go_on(_module: nn.Module, _inputs: object, logits: Tensor) -> Tensor:
    """Exclude tokens that end an utterance or have no sound."""
    logits[..., STOP_SPEECH - 1 :] = _NEVER
    return logits


def make_flow(device: torch.device, tokens: int) -> Callable[[], object]:
    from tests.goldens.make_s3gen import build

    reference = 250
    flow = build(FlowConfig()).eval().to(device)
    inputs = {
        "token": torch.randint(6561, (1, tokens)),
        "token_len": torch.tensor([tokens]),
        "prompt_token": torch.randint(6561, (1, reference)),
        "prompt_token_len": torch.tensor([reference]),
        "prompt_feat": torch.randn(1, 2 * reference, 80),
        "prompt_feat_len": torch.tensor([2 * reference]),
        "embedding": torch.randn(1, 192),
    }
    there = {name: tensor.to(device) for name, tensor in inputs.items()}
    return lambda: flow.inference(**there, finalize=True)


def make_hift(device: torch.device, tokens: int) -> Callable[[], object]:
    from tests.goldens.make_hift import build

    vocoder = build(HiftConfig()).eval().to(device)
    mel = torch.randn(1, 80, 2 * tokens, device=device)
    return lambda: vocoder.inference(mel)


def clock(action: Callable[[], object], repeats: int) -> float:
    """Return the best time of several calls, after a warm-up."""
    best = float("inf")
    for index in range(repeats + 1):
        began = time.perf_counter()
        action()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        if index:
            best = min(best, time.perf_counter() - began)
    return best


if __name__ == "__main__":
    main()
