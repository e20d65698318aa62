"""Golden outputs of upstream's S3Gen flow.

Run as `UPSTREAM/bin/python -m tests.goldens.make_s3gen [--full]`.
Weights are rounded to half precision before the run, so that they can be stored in half the bytes.
"""

import json
import sys
from dataclasses import asdict

import torch
from torch import Tensor, nn

from tests.goldens import upstream
from worker.chatterbox.config import ACOUSTIC_TOKENS, MEL_BINS, FlowConfig

TOY = FlowConfig(
    encoder_width=16,
    encoder_heads=2,
    encoder_ffn_width=24,
    encoder_layers=2,
    upsampled_layers=1,
    estimator_width=32,
    estimator_heads=2,
    estimator_head_width=8,
    time_width=128,
    mid_blocks=2,
    transformers_per_block=2,
)
STEP = 7  # the solver step whose estimate is stored


def build(config: FlowConfig) -> nn.Module:
    """Assemble upstream's parts in the given sizes; some of its sizes are fixed in code."""
    from chatterbox.models.s3gen.configs import CFM_PARAMS
    from chatterbox.models.s3gen.flow import CausalMaskedDiffWithXvec
    from chatterbox.models.s3gen.flow_matching import CausalConditionalCFM

    return CausalMaskedDiffWithXvec(
        input_size=config.encoder_width,
        spk_embed_dim=config.x_vector_width,
        encoder=build_encoder(config),
        decoder=CausalConditionalCFM(
            spk_emb_dim=MEL_BINS, cfm_params=CFM_PARAMS, estimator=build_estimator(config)
        ),
    )


def build_encoder(config: FlowConfig) -> nn.Module:
    from chatterbox.models.s3gen.transformer import upsample_encoder as parts

    width = config.encoder_width
    encoder = parts.UpsampleConformerEncoder(
        input_size=width,
        output_size=width,
        attention_heads=config.encoder_heads,
        linear_units=config.encoder_ffn_width,
        num_blocks=config.encoder_layers,
        macaron_style=False,
        use_cnn_module=False,
    )
    encoder.pre_lookahead_layer = parts.PreLookaheadLayer(channels=width, pre_lookahead_len=3)
    encoder.up_layer = parts.Upsample1D(channels=width, out_channels=width, stride=2)
    encoder.up_encoders = encoder.up_encoders[: config.upsampled_layers]
    return encoder


def build_estimator(config: FlowConfig) -> nn.Module:
    from chatterbox.models.s3gen.decoder import ConditionalDecoder

    return ConditionalDecoder(
        in_channels=4 * MEL_BINS,
        out_channels=MEL_BINS,
        channels=[config.estimator_width],
        attention_head_dim=config.estimator_head_width,
        n_blocks=config.transformers_per_block,
        num_mid_blocks=config.mid_blocks,
        num_heads=config.estimator_heads,
    )


def draw_inputs(lengths: list[tuple[int, int]]) -> dict[str, Tensor]:
    """Draw voices and tokens: per utterance the tokens of its prompt and of its speech."""
    draw = upstream.generator(1)
    inputs = {}
    for index, (prompt, speech) in enumerate(lengths):
        frames = 2 * (prompt + speech)
        inputs |= {
            f"{index}.prompt": torch.randint(ACOUSTIC_TOKENS, (prompt,), generator=draw),
            f"{index}.tokens": torch.randint(ACOUSTIC_TOKENS, (speech,), generator=draw),
            f"{index}.prompt_mel": torch.randn(2 * prompt, MEL_BINS, generator=draw) * 2 - 5,
            f"{index}.x_vector": torch.randn(192, generator=draw),
            f"{index}.noise": torch.randn(MEL_BINS, frames, generator=draw),
        }
    return inputs


@torch.inference_mode()
def run(flow: nn.Module, inputs: dict[str, Tensor], index: int) -> dict[str, Tensor]:
    """Run one utterance alone, and record the outputs of the encoder and of one estimator call."""
    prompt, tokens, prompt_mel, x_vector, noise = (
        inputs[f"{index}.{name}"][None]
        for name in ("prompt", "tokens", "prompt_mel", "x_vector", "noise")
    )
    kept: list[tuple[Tensor, ...]] = []
    encoded: list[Tensor] = []
    estimator = flow.decoder.estimator
    forward = estimator.forward

    def listen(*args: Tensor, **named: Tensor) -> Tensor:
        velocity = forward(*args, **named)
        kept.append((named["x"].clone(), named["t"].clone(), velocity.clone()))
        return velocity

    estimator.forward = listen
    hook = flow.encoder_proj.register_forward_hook(lambda *call: encoded.append(call[2]))
    randn_like = torch.randn_like
    torch.randn_like = lambda *_, **__: noise.clone()
    try:
        mel, _ = flow.inference(
            token=tokens,
            token_len=torch.tensor([tokens.shape[1]]),
            prompt_token=prompt,
            prompt_token_len=torch.tensor([prompt.shape[1]]),
            prompt_feat=prompt_mel,
            prompt_feat_len=None,
            embedding=x_vector,
            finalize=True,
        )
    finally:
        torch.randn_like = randn_like
        estimator.forward = forward
        hook.remove()
    state, time, velocity = kept[STEP]
    return {
        f"{index}.features": encoded[0][0],
        f"{index}.state": state[0],
        f"{index}.time": time[:1],
        f"{index}.velocity": velocity,
        f"{index}.mel": mel[0],
    }


def round_weights(module: nn.Module) -> dict[str, Tensor]:
    """Round every weight to half precision, and return the weights."""
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(tensor.half().float())
    return {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in module.state_dict().items()
    }


def main(*, full: bool) -> None:
    upstream.prepare()
    config, lengths, folder = (
        (FlowConfig(), [(250, 50), (60, 125)], upstream.FULL)
        if full
        else (TOY, [(7, 12), (11, 5), (4, 17)], upstream.TOY)
    )
    flow = build(config).eval()
    upstream.randomize_norms(flow, seed=2)
    weights = round_weights(flow)
    inputs = draw_inputs(lengths)
    outputs: dict[str, Tensor] = {}
    for index in range(len(lengths)):
        outputs |= run(flow, inputs, index)
    tensors = {f"flow.{name}": tensor for name, tensor in weights.items()} | inputs | outputs
    upstream.save(
        folder / "s3gen.safetensors", tensors, config=json.dumps(asdict(config)), step=STEP
    )


if __name__ == "__main__":
    main(full="--full" in sys.argv)
