"""Golden outputs of upstream's T3: conditioning, logits, greedy sequences; and HF's warpers.

Run as `UPSTREAM/bin/python -m tests.goldens.make_t3 [--full]`.
Greedy decoding is upstream's own loop with min_p 1, which leaves only the likeliest token.
Guidance 0 crashes upstream with one row of text; given the same row twice its loop works, and
row 0 plus 0 times the difference is row 0.
Upstream may sample ids that no decoder can read, ours never does: a hook on its head sets these
(START and all above STOP) to -1e9, which does not change anything else that is compared.
"""

import sys
from dataclasses import asdict
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

from tests.goldens import upstream
from tests.goldens.draw import draw_state
from tests.goldens.t3_cases import (
    COLUMNS,
    GAINS,
    TOY,
    WARPS,
    Case,
    draw_cases,
    draw_logits,
    draw_voices,
)
from worker.chatterbox.config import START_SPEECH, STOP_SPEECH, T3Config

LOGGED_CASES, LOGGED_STEPS = 4, 12
NEVER = -1e9


def build(config: T3Config) -> nn.Module:
    from chatterbox.models.t3 import llama_configs, t3
    from chatterbox.models.t3.modules import cond_enc, perceiver, t3_config

    sizes = {
        **llama_configs.LLAMA_CONFIGS["Llama_520M"],
        "hidden_size": config.width,
        "intermediate_size": config.ffn_width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_width,
    }

    def make_perceiver() -> nn.Module:
        return perceiver.Perceiver(
            config.perceiver_queries, config.width, config.width, config.perceiver_heads
        )

    hp = t3_config.T3Config.english_only()
    hp.llama_config_name = "golden"
    hp.max_text_tokens = config.text_positions - 2
    hp.max_speech_tokens = config.speech_positions - 4
    hp.speaker_embed_size = config.speaker_width
    with (
        mock.patch.dict(llama_configs.LLAMA_CONFIGS, golden=sizes),
        mock.patch.object(cond_enc, "Perceiver", make_perceiver),
    ):
        return t3.T3(hp).eval()


class Log:
    """A hook on the speech head: excludes unreadable ids, and records every step's logits."""

    def __init__(self) -> None:
        self.steps: list[Tensor] = []

    def __call__(self, _module: nn.Module, _inputs: Any, logits: Tensor) -> Tensor:
        logits[..., START_SPEECH] = NEVER
        logits[..., STOP_SPEECH + 1 :] = NEVER
        self.steps.append(logits[:, -1].clone())
        return logits


def condition(voices: list[dict[str, Tensor]], case: Case) -> Any:
    from chatterbox.models.t3.modules.cond_enc import T3Cond

    voice = voices[case.voice]
    return T3Cond(
        speaker_emb=voice["speaker"][None],
        cond_prompt_speech_tokens=voice["prompt_tokens"][None],
        emotion_adv=torch.full((1, 1, 1), case.exaggeration),
    )


def speak(model: nn.Module, voices: list[dict[str, Tensor]], case: Case) -> tuple[Tensor, Tensor]:
    """Return greedy tokens (T,) and the logits of both rows at each step (T, 2, vocabulary)."""
    log = Log()
    hook = model.speech_head.register_forward_hook(log)
    tokens = model.inference(
        t3_cond=condition(voices, case),
        text_tokens=torch.tensor([case.text_tokens] * 2),
        max_new_tokens=case.steps,
        temperature=1.0,
        min_p=1.0,
        top_p=1.0,
        repetition_penalty=1.2,
        cfg_weight=case.guidance,
    )
    hook.remove()
    return tokens[0], torch.stack(log.steps[: tokens.shape[1]])


def warp_as_upstream(logits: Tensor) -> Tensor:
    """Probabilities after HF's processors in upstream's order, one row per entry of WARPS."""
    from transformers.generation.logits_process import (
        MinPLogitsWarper,
        RepetitionPenaltyLogitsProcessor,
        TopPLogitsWarper,
    )

    rows = []
    for row, (warp, seen) in zip(logits[:, None], WARPS, strict=True):
        ids = torch.tensor([seen])
        scores = RepetitionPenaltyLogitsProcessor(penalty=warp.repetition_penalty)(ids, row)
        scores = MinPLogitsWarper(min_p=warp.min_p)(ids, scores / warp.temperature)
        rows.append(TopPLogitsWarper(top_p=warp.top_p)(ids, scores).softmax(-1))
    return torch.cat(rows)


def make(config: T3Config, *, is_full: bool) -> dict[str, Tensor]:
    model = build(config)
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    model.load_state_dict(draw_state(shapes, seed=0, gains=GAINS))
    voices, cases = draw_voices(config), draw_cases(config, is_full=is_full)
    golden = {"warped": warp_as_upstream(draw_logits())}
    visited: set[int] = set()
    with torch.no_grad():
        for index, voice in enumerate(voices):
            prompt = model.speech_emb(voice["prompt_tokens"][None])
            prompt = prompt + model.speech_pos_emb(voice["prompt_tokens"][None])
            golden[f"perceiver.{index}"] = model.cond_enc.perceiver(prompt)[0]
    for index, case in enumerate(cases):
        with torch.no_grad():
            golden[f"conditioning.{index}"] = model.prepare_conditioning(condition(voices, case))[0]
        tokens, logits = speak(model, voices, case)
        golden[f"tokens.{index}"] = tokens
        if index < LOGGED_CASES:
            golden[f"logits.{index}"] = logits[:LOGGED_STEPS, :, COLUMNS]
        visited |= set(tokens.tolist())
    assert len(visited) >= 50, f"greedy runs visit {len(visited)} tokens only: raise the gain"
    sys.stdout.write(f"{len(cases)} greedy runs visit {len(visited)} tokens\n")
    return golden


def main() -> None:
    is_full = "--full" in sys.argv
    upstream.prepare()
    config = T3Config() if is_full else TOY
    folder = upstream.FULL if is_full else upstream.TOY
    upstream.save(folder / "t3.safetensors", make(config, is_full=is_full), config=asdict(config))


if __name__ == "__main__":
    main()
