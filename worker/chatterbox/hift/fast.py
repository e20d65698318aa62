"""The vocoder's filter on a GPU: float16, frames last, one pass over memory between convolutions.

float16 has the mantissa of TF32, in which a GPU computes float32 convolutions anyway, at half the
size.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from worker.chatterbox.config import SAMPLES_PER_FRAME
from worker.chatterbox.cuda_graphs import GraphedRows, GraphPool
from worker.chatterbox.hift.fused import Sum, add_up, add_up_and_snake, snake
from worker.chatterbox.hift.layers import ResidualBlock, Snake
from worker.chatterbox.hift.vocoder import ROWS_AT_ONCE, SLOPE, SLOW_ROWS, Vocoder
from worker.chatterbox.rows import Ends

_DTYPE = torch.float16
_FRAME_STEP = 64
_MOST_FRAMES = 1024 * ROWS_AT_ONCE  # for all rows of a graph: 3 GB of activations


def accelerate_vocoder(
    vocoder: Vocoder, pool: GraphPool | None = None, rows_at_once: int = ROWS_AT_ONCE
) -> None:
    """Accelerate a vocoder on a CUDA device; its output changes only in precision.

    `pool`: memory to share with other graphs of the same thread. `rows_at_once` bounds that memory:
    a row of 20 s needs 0.2 GB.
    """
    vocoder.rows_at_once = min(rows_at_once, ROWS_AT_ONCE)
    vocoder.fast_filter = FastFilter(vocoder)
    use_vocoder_graphs(vocoder, pool or GraphPool())


def use_vocoder_graphs(vocoder: Vocoder, pool: GraphPool) -> None:
    """Let an accelerated vocoder, or a copy of it, run as graphs of this pool."""
    vocoder.fast_speak = GraphedRows(
        vocoder.speak,
        vocoder.conv_pre.weight.device,
        pool,
        rates=(1, 0, SAMPLES_PER_FRAME),
        most_rows=ROWS_AT_ONCE,
        step=_FRAME_STEP,
        most=_MOST_FRAMES,
        slow_rows=SLOW_ROWS,
    )


class FastFilter:
    """`Vocoder.filter` with its own weights; see there for what it computes."""

    def __init__(self, vocoder: Vocoder) -> None:
        self._find_ends = vocoder.ends
        blocks = len(vocoder.config.resblock_kernels)
        # Blocks are summed without dividing by their number: the next convolution's weights do
        # that.
        self._pre = Convolution(vocoder.conv_pre)
        self._ups = [
            Convolution(up, share=blocks if stage else 1)
            for stage, up in enumerate(cast("list[nn.ConvTranspose1d]", list(vocoder.ups)))
        ]
        self._downs = [
            Convolution(down) for down in cast("list[nn.Conv1d]", list(vocoder.source_downs))
        ]
        source = cast("list[ResidualBlock]", list(vocoder.source_resblocks))
        self._source_blocks = [FastBlock(block) for block in source]
        every = [FastBlock(block) for block in cast("list[ResidualBlock]", list(vocoder.resblocks))]
        self._blocks = [
            every[stage * blocks : (stage + 1) * blocks] for stage in range(len(self._ups))
        ]
        self._post = Convolution(vocoder.conv_post, share=blocks)

    def __call__(self, mel: Tensor, excitation: Tensor, rows: Ends) -> Tensor:
        """Filter an excitation by a mel; values beyond a row's end are ignored.

        Shapes: mel (B, 80, F); excitation (B, 18, L); rows end in frames -> (B, 18, L).
        """
        ends = self._count(rows, mel)
        hidden, source = (x.to(_DTYPE).transpose(1, 2).contiguous() for x in (mel, excitation))
        source = _end_rows(source, ends[-1])
        hidden = self._finish(self._pre, _end_rows(hidden, ends[0]), ends[0])
        for stage, up in enumerate(self._ups):
            excited = self._excite(stage, source, ends[stage + 1])
            hidden = up(F.leaky_relu(hidden, SLOPE))
            if stage == len(self._ups) - 1:
                # Centred frames: one more than there are hops, mirrored at the start.
                hidden = torch.cat([hidden[:, 1:2], hidden], dim=1)
            hidden = add_up(Sum(convolved=hidden, bias=up.bias, beside=excited), ends[stage + 1])
            hidden = self._refine(stage, hidden, ends[stage + 1])
        logits = self._post(F.leaky_relu(hidden)).float() + self._post.bias
        return logits.transpose(1, 2)

    def _count(self, rows: Ends, mel: Tensor) -> Tensor:
        """Count the frames of each row, in the mel and after each stage.

        Shapes: mel (B, 80, F) -> (1 + stages, B) int32.
        """
        if rows.ends is None:
            rows = Ends(longest=rows.longest, ends=mel.new_full((len(mel),), rows.longest))
        return torch.stack([cast("Tensor", stage.ends) for stage in self._find_ends(rows)]).int()

    def _excite(self, stage: int, source: Tensor, ends: Tensor) -> Tensor:
        x = self._finish(self._downs[stage], source, ends)
        return self._source_blocks[stage](x, ends, None)

    def _refine(self, stage: int, x: Tensor, ends: Tensor) -> Tensor:
        total = None
        for block in self._blocks[stage]:
            total = block(x, ends, total)
        assert total is not None, "every stage has blocks"
        return total

    @staticmethod
    def _finish(convolution: "Convolution", x: Tensor, ends: Tensor) -> Tensor:
        return add_up(Sum(convolved=convolution(x), bias=convolution.bias), ends)


class FastBlock:
    """`ResidualBlock` on frames last."""

    def __init__(self, block: ResidualBlock) -> None:
        convolutions = (block.convs1, block.convs2)
        self._first, self._second = (
            [Convolution(cast("nn.Conv1d", layer)) for layer in layers] for layers in convolutions
        )
        self._bend1, self._bend2 = (
            [cast("Snake", part).alpha.detach().float() for part in parts]
            for parts in (block.activations1, block.activations2)
        )

    def __call__(self, x: Tensor, ends: Tensor, total: Tensor | None) -> Tensor:
        """Shapes: x, total (B, L, C), zero behind each row's end -> the block's output + total."""
        bent = snake(Sum(beside=x), ends, self._bend1[0])
        last = len(self._first) - 1
        for index, (first, second) in enumerate(zip(self._first, self._second, strict=True)):
            inner = Sum(convolved=first(bent), bias=first.bias)
            y = second(snake(inner, ends, self._bend2[index]))
            parts = Sum(convolved=y, bias=second.bias, beside=x)
            if index < last:
                x, bent = add_up_and_snake(parts, ends, self._bend1[index + 1])
        parts = Sum(convolved=y, bias=second.bias, beside=x, total=total)
        return add_up(parts, ends)


class Convolution:
    """A 1-d convolution of frames-last tensors by the 2-d (channels-last) kernels, without bias."""

    def __init__(self, layer: nn.Conv1d | nn.ConvTranspose1d, share: int = 1) -> None:
        weight = (layer.weight.detach() / share).unsqueeze(2).to(_DTYPE)
        self._weight = weight.contiguous(memory_format=torch.channels_last)
        self._is_transposed = isinstance(layer, nn.ConvTranspose1d)
        self._stride = (1, layer.stride[0])
        self._padding = (0, int(layer.padding[0]))
        self._dilation = (1, layer.dilation[0])
        assert layer.bias is not None, "all of the vocoder's convolutions have one"
        self.bias = layer.bias.detach().float()

    def __call__(self, x: Tensor) -> Tensor:
        """Shapes: x (B, L, C) -> (B, L', C')."""
        picture = x.transpose(1, 2).unsqueeze(2)
        if self._is_transposed:
            outputs = F.conv_transpose2d(picture, self._weight, None, self._stride, self._padding)
        else:
            outputs = F.conv2d(
                picture, self._weight, None, self._stride, self._padding, self._dilation
            )
        return outputs.squeeze(2).transpose(1, 2).contiguous()


def _end_rows(x: Tensor, ends: Tensor) -> Tensor:
    """Zero everything after each row's end. Shapes: x (B, L, C); ends (B,) -> (B, L, C)."""
    places = torch.arange(x.shape[1], device=x.device)
    return x * (places < ends[:, None])[..., None]
