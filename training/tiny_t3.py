"""A small T3 with constructed weights: it speaks gibberish, but stops where the text would end.

Every hidden vector has a large constant, so that the norms scale all positions equally, and three
features that random weights do not change: the index of a text position, the index of a speech
step, and the index of the last text position, which one attention head finds. The logit of STOP
compares the last two. The rest is random: it makes the gibberish depend on text, voice and earlier
tokens.
"""

import torch
from torch import Tensor, nn

from worker.chatterbox.config import STOP_SPEECH, T3Config
from worker.chatterbox.t3.llama import Attention, Layer
from worker.chatterbox.t3.model import T3

CONFIG = T3Config(
    width=64,
    layers=2,
    heads=4,
    kv_heads=4,
    ffn_width=128,
    text_positions=700,
    speech_positions=2048,
    max_new_tokens=2000,  # the longest text the position table admits needs 1,780
)

# Fifteen characters and 25 speech tokens a second; English has 1.44 characters per text token. The
# start and stop tokens of a text are not spoken.
TOKENS_PER_TEXT_TOKEN = 2.55
FRAME = 2

_CONSTANT, _PLACE, _STEP, _LAST = range(4)  # indices of features; all others are content
_CONTENT = slice(4, None)
_LARGE = 60.0  # the constant: content adds a few percent to the length of a vector
_SPAN = 8.0  # both indices are scaled to run from 0 to this
_SHARPNESS = 3.0  # by how much a text position outscores the one before it
_CERTAINTY = 1.0  # by how much STOP's logit rises per step
_STOP_AT_END = (
    13.0  # STOP's logit at the end: a little above that of the likeliest of 6,561 acoustic tokens
)
_SPREAD = 2.5  # of the weights at the width of CONFIG, where logits then have about this deviation


@torch.no_grad()
def make_t3(config: T3Config = CONFIG) -> T3:
    """Build it in any shape, with torch's global generator: seed that first."""
    network = T3(config).eval()
    for table in (network.text_emb, network.speech_emb):
        table.weight[:, : _CONTENT.start] = 0
    _number(network.text_pos_emb.emb.weight, _PLACE)
    _number(network.speech_pos_emb.emb.weight, _STEP)
    _fill_conditioning(network)
    for layer in network.tfmr.layers:
        _restrict(layer, config)
    first = network.tfmr.layers[0]
    assert isinstance(first, Layer)
    _find_end(first.self_attn, config)
    _compare(network.speech_head.weight, config)
    return network


def _number(table: Tensor, feature: int) -> None:
    rows, width = table.shape
    table.zero_()
    table[:, _CONSTANT] = _LARGE
    table[:, feature] = torch.linspace(0, _SPAN, rows)
    table[:, _CONTENT] = 0.3 * torch.randn(rows, width - _CONTENT.start)


def _fill_conditioning(network: T3) -> None:
    """Give the conditioning positions the constant and content, but no index."""
    encoder = network.cond_enc
    encoder.spkr_enc.weight[: _CONTENT.start] = 0
    encoder.spkr_enc.weight[_CONTENT] *= 10  # a voice is a vector of length one
    encoder.spkr_enc.bias.zero_()[_CONSTANT] = _LARGE
    encoder.emotion_adv_fc.weight[: _CONTENT.start] = 0
    encoder.emotion_adv_fc.weight[_CONSTANT] = _LARGE
    perceiver = encoder.perceiver
    perceiver.pre_attention_query[..., : _CONTENT.start] = 0
    perceiver.pre_attention_query[..., _CONSTANT] = _LARGE
    perceiver.attn.proj_out.weight[: _CONTENT.start] = 0
    perceiver.attn.proj_out.weight[_CONTENT] *= 5
    perceiver.attn.proj_out.bias[: _CONTENT.start] = 0


def _restrict(layer: nn.Module, config: T3Config) -> None:
    """Keep random weights from reading or writing anything but content."""
    loudness = _LARGE / config.width**0.5  # the norm divides content by this
    for name, matrix in layer.named_parameters():
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            matrix[: _CONTENT.start] = 0
        elif name.endswith("_proj.weight"):
            matrix[:, : _CONTENT.start] = 0
            matrix[:, _CONTENT] *= loudness


def _find_end(attention: Attention, config: T3Config) -> None:
    """Make head 0 attend to the last text position and return its index.

    Its query and key use the pair of the rotary embedding with the lowest frequency, which hardly
    changes with the position.
    """
    slow, normed = config.head_width - 1, config.width**0.5
    head = slice(0, config.head_width)
    step = normed * _SPAN / (config.text_positions - 1) / _LARGE  # between indices, after the norm
    gain = (_SHARPNESS * config.head_width**0.5 / (normed * step)) ** 0.5
    for projection in (attention.q_proj, attention.k_proj, attention.v_proj):
        projection.weight[head] = 0
    attention.q_proj.weight[slow, _CONSTANT] = gain
    attention.k_proj.weight[slow, _PLACE] = gain
    attention.v_proj.weight[0, _PLACE] = 1
    attention.o_proj.weight[:, head] = 0
    attention.o_proj.weight[_LAST, 0] = _LARGE / normed  # undoes the norm


def _compare(head: Tensor, config: T3Config) -> None:
    """Let STOP's logit rise with the step and fall with the number of the last text position."""
    normed = config.width**0.5
    head[:, : _CONTENT.start] = 0
    content = torch.randn(len(head), config.width - _CONTENT.start)
    # The content of a normed vector grows with the width, relative to the constant.
    head[:, _CONTENT] = _SPREAD * CONFIG.width / config.width * content
    stop = head[STOP_SPEECH].zero_()
    per_step = _CERTAINTY * _LARGE / normed / _SPAN
    stop[_STEP] = per_step * (config.speech_positions - 1)
    stop[_LAST] = -per_step * (config.text_positions - 1) * TOKENS_PER_TEXT_TOKEN
    # The last position is one less than the number of text tokens.
    due = TOKENS_PER_TEXT_TOKEN * (1 - FRAME)
    stop[_CONSTANT] = (_STOP_AT_END - _CERTAINTY * due) / normed
