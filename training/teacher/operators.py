"""The ONNX operators that the teacher's graph uses, as torch functions.

Knows nothing about graphs. Quantised products are computed in floating point: activations stay
unquantised with scale 1, and weights were centred when loaded, so only the stored weights are int8.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

Attributes = dict[str, Any]
Operator = Callable[..., Any]

TORCH_DTYPES = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool}  # ONNX codes


def align(*values: Tensor) -> list[Tensor]:
    """Move tensors to one device: shape arithmetic is done on the CPU, audio on the accelerator.

    Never waits for the accelerator: scalars stay where they are, since torch accepts them from any
    device, and small tables are sent asynchronously.
    """
    device = next((v.device for v in values if v.device.type != "cpu"), values[0].device)
    return [
        v if v.device == device or not v.ndim else v.to(device, non_blocking=True) for v in values
    ]


def _binary(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    return lambda _, a, b: function(*align(a, b))


def _unary(function: Callable[[Tensor], Tensor]) -> Operator:
    return lambda _, x: function(x)


def _divide(_: Attributes, a: Tensor, b: Tensor) -> Tensor:
    a, b = align(a, b)
    return a / b if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


def _gather(attributes: Attributes, data: Tensor, indices: Tensor) -> Tensor:
    axis = attributes.get("axis", 0) % data.ndim
    if indices.device.type == "cpu":  # shape arithmetic has negative indices, phoneme ids never do
        indices = indices % data.shape[axis]
    flat = data.index_select(axis, indices.reshape(-1).to(data.device, non_blocking=True))
    return flat.reshape(data.shape[:axis] + indices.shape + data.shape[axis + 1 :])


def _slice(
    _: Attributes,
    data: Tensor,
    starts: Tensor,
    ends: Tensor,
    axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    dimensions = axes.tolist() if axes is not None else list(range(len(starts)))
    strides = steps.tolist() if steps is not None else [1] * len(starts)
    index: list[slice] = [slice(None)] * data.ndim
    for axis, start, end, step in zip(
        dimensions, starts.tolist(), ends.tolist(), strides, strict=True
    ):
        if step < 0:
            raise NotImplementedError(f"Slice with step {step}: the teacher's graph has none")
        index[axis] = slice(start, end, step)
    return data[tuple(index)]


def _unsqueeze(_: Attributes, x: Tensor, axes: Tensor) -> Tensor:
    for axis in sorted(axes.tolist()):
        x = x.unsqueeze(axis)
    return x


def _reshape(_: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    sizes = [x.shape[i] if size == 0 else size for i, size in enumerate(shape.tolist())]
    return x.reshape(sizes)


def _expand(_: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    return x.expand(torch.broadcast_shapes(x.shape, tuple(shape.tolist())))


def _constant_of_shape(attributes: Attributes, shape: Tensor) -> Tensor:
    value = attributes["value"]
    return value.expand(shape.tolist()).clone()


def convolve(attributes: Attributes, x: Tensor, weight: Tensor, bias: Any = None) -> Tensor:
    return nnf.conv1d(
        x,
        weight,
        bias,
        stride=attributes["strides"],
        padding=attributes["pads"][0],
        dilation=attributes["dilations"],
        groups=attributes["group"],
    )


def _convolve_centred(attributes: Attributes, x: Tensor, weight: Tensor, *_zeros: Any) -> Tensor:
    return convolve(attributes, x, weight)


def _transpose_convolve(attributes: Attributes, x: Tensor, weight: Tensor, bias: Any = None) -> Any:
    return nnf.conv_transpose1d(
        x,
        weight,
        bias,
        stride=attributes["strides"],
        padding=attributes["pads"][0],
        output_padding=attributes.get("output_padding", [0]),
        groups=attributes["group"],
        dilation=attributes["dilations"],
    )


def _multiply_fused(attributes: Attributes, a: Tensor, b: Tensor) -> Tensor:
    a, b = align(a, b)
    a = a.mT if attributes.get("transA") else a
    b = b.mT if attributes.get("transB") else b
    return attributes.get("alpha", 1.0) * (a @ b)


def _dequantize(_: Attributes, x: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
    return (x - zero) * scale


def _normalize_layer(attributes: Attributes, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return nnf.layer_norm(x, weight.shape, weight, bias, attributes["epsilon"])


def _normalize_sum(attributes: Attributes, x: Tensor, skip: Tensor, *affine: Tensor) -> Tensor:
    return _normalize_layer(attributes, x + skip, *affine)


def _gelu(_: Attributes, x: Tensor, bias: Tensor | None = None) -> Tensor:
    return nnf.gelu(x if bias is None else x + bias, approximate="tanh")


def _reduce(function: Callable[..., Tensor]) -> Operator:
    def reduce(attributes: Attributes, x: Tensor, axes: Tensor) -> Tensor:
        return function(x, dim=axes.tolist(), keepdim=bool(attributes.get("keepdims", 1)))

    return reduce


def _resize(attributes: Attributes, x: Tensor, _: Any, scales: Tensor) -> Tensor:
    factor = float(scales[-1])
    mode = attributes["mode"].decode()
    return nnf.interpolate(x, scale_factor=factor, mode=mode, recompute_scale_factor=False)


def _pad(attributes: Attributes, x: Tensor, pads: Tensor) -> Tensor:
    sizes = pads.tolist()
    before, after = sizes[: x.ndim], sizes[x.ndim :]
    return nnf.pad(x, (before[-1], after[-1]), mode=attributes["mode"].decode())


def _stft(_: Attributes, x: Tensor, step: Tensor, window: Tensor, length: Tensor) -> Tensor:
    signal = x.reshape(x.shape[0], -1)
    size, hop = int(length), int(step)
    spectrum = torch.stft(
        signal, size, hop, size, window.to(x.device), center=False, return_complex=True
    )
    return torch.view_as_real(spectrum.transpose(1, 2))


def _scatter(_: Attributes, data: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    data, indices, updates = align(data, indices, updates)
    result = data.clone()
    result[tuple(indices.unbind(-1))] = updates
    return result


def _clip(_: Attributes, x: Tensor, low: Any = None, high: Any = None) -> Tensor:
    return x.clamp(None if low is None else float(low), None if high is None else float(high))


def _range(_: Attributes, start: Tensor, end: Tensor, step: Tensor) -> Tensor:
    return torch.arange(int(start), int(end), int(step))


def _cast(attributes: Attributes, x: Tensor) -> Tensor:
    return x.to(TORCH_DTYPES[attributes["to"]])


def _split(attributes: Attributes, x: Tensor, sizes: Tensor) -> tuple[Tensor, ...]:
    return x.split(sizes.tolist(), attributes["axis"])


def _squeeze(_: Attributes, x: Tensor, axes: Tensor) -> Tensor:
    return x.squeeze(tuple(axes.tolist()))


def build_lstm(tensors: list[Tensor | None], hidden: int) -> nn.LSTM:
    """Dequantise a DynamicQuantizeLSTM into a torch layer; ONNX orders gates i, o, f, c."""
    weight, recurrent, bias = tensors[1], tensors[2], tensors[3]
    scale, zero, recurrent_scale, recurrent_zero = tensors[8:12]
    assert weight is not None
    assert recurrent is not None
    assert bias is not None
    layer = nn.LSTM(weight.shape[1], hidden, bidirectional=True).to(weight.device)
    order = torch.cat([torch.arange(hidden) + gate * hidden for gate in (0, 2, 3, 1)])
    for direction, suffix in enumerate(("", "_reverse")):
        input_weight = _direction(weight, scale, zero, direction)
        hidden_weight = _direction(recurrent, recurrent_scale, recurrent_zero, direction)
        input_bias, hidden_bias = bias[direction].split(4 * hidden)
        values = {
            f"weight_ih_l0{suffix}": input_weight.mT,
            f"weight_hh_l0{suffix}": hidden_weight.mT,
            f"bias_ih_l0{suffix}": input_bias,
            f"bias_hh_l0{suffix}": hidden_bias,
        }
        for name, value in values.items():
            getattr(layer, name).data.copy_(value[order.to(value.device)])
    layer.flatten_parameters()
    return layer


def run_lstm(layer: nn.LSTM, rows: list[Tensor]) -> list[Tensor]:
    """Run rows of different length at once. Shapes: (T, 1, width) -> (T, 2, 1, hidden) each."""
    if len(rows) == 1:
        return [layer(rows[0])[0].unflatten(-1, (2, -1)).transpose(1, 2)]
    packed = nn.utils.rnn.pack_sequence([row[:, 0] for row in rows], enforce_sorted=False)
    output, lengths = nn.utils.rnn.pad_packed_sequence(layer(packed)[0])
    return [
        output[:length, place : place + 1].unflatten(-1, (2, -1)).transpose(1, 2)
        for place, length in enumerate(lengths.tolist())
    ]


def _direction(weight: Tensor, scale: Any, zero: Any, direction: int) -> Tensor:
    device = weight.device
    return (weight[direction] - zero[direction].to(device)) * scale[direction].to(device)


OPERATORS: dict[str, Operator] = {
    "Add": _binary(torch.add),
    "And": _binary(torch.logical_and),
    # The graph computes the phase of a spectrum as atan(imaginary / real); silence gives 0 / 0.
    "Atan": lambda _, x: torch.atan(x.nan_to_num(0.0)),
    "Cast": _cast,
    "Clip": _clip,
    "Concat": lambda attributes, *xs: torch.cat(align(*xs), attributes["axis"]),
    "ConstantOfShape": _constant_of_shape,
    "Conv": convolve,
    "ConvInteger": _convolve_centred,
    "ConvTranspose": _transpose_convolve,
    "Cos": _unary(torch.cos),
    "CumSum": lambda _, x, axis: x.cumsum(int(axis)),
    "DequantizeLinear": _dequantize,
    "Div": _divide,
    "Equal": _binary(torch.eq),
    "Exp": _unary(torch.exp),
    "Expand": _expand,
    "FastGelu": _gelu,
    "Floor": _unary(torch.floor),
    "FusedMatMul": _multiply_fused,
    "Gather": _gather,
    "Greater": _binary(torch.gt),
    "GreaterOrEqual": _binary(torch.ge),
    "LayerNormalization": _normalize_layer,
    "LeakyRelu": lambda attributes, x: nnf.leaky_relu(x, attributes["alpha"]),
    "Less": _binary(torch.lt),
    "MatMul": _binary(torch.matmul),
    "MatMulInteger": lambda _, x, weight, *_zeros: x @ weight,
    "Mul": _binary(torch.mul),
    "NonZero": lambda _, x: x.nonzero().mT,
    "Pad": _pad,
    "Pow": _binary(torch.pow),
    "Range": _range,
    "ReduceMean": _reduce(torch.mean),
    "ReduceSum": _reduce(torch.sum),
    "Reshape": _reshape,
    "Resize": _resize,
    "Round": _unary(torch.round),
    "STFT": _stft,
    "ScatterND": _scatter,
    "Shape": lambda _, x: torch.tensor(x.shape, dtype=torch.int64),
    "Sigmoid": _unary(torch.sigmoid),
    "Sin": _unary(torch.sin),
    "SkipLayerNormalization": _normalize_sum,
    "Slice": _slice,
    "Softmax": lambda attributes, x: x.softmax(attributes["axis"]),
    "Split": _split,
    "Sqrt": _unary(torch.sqrt),
    "Squeeze": _squeeze,
    "Sub": _binary(torch.sub),
    "Tanh": _unary(torch.tanh),
    "Transpose": lambda attributes, x: x.permute(attributes["perm"]),
    "Unsqueeze": _unsqueeze,
    "Where": lambda _, *xs: torch.where(*align(*xs)),
}
