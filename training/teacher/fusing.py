"""Steps of the teacher's graph that are fused into one: the same result, fewer passes over memory.

For long audio, each step reads and writes all channels, which takes longer than matrix products.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from training.teacher.operators import OPERATORS, Attributes, Operator, convolve


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One node: a function from named values to named values."""

    run: Operator
    attributes: Attributes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    drop: tuple[str, ...] = ()


def normalise(_: Attributes, x: Tensor, epsilon: Tensor) -> Tensor:
    """Bring each channel to mean 0 and variance 1. Shapes: (1, C, T) -> (1, C, T)."""
    variance, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
    scale = (variance + float(epsilon)).rsqrt()
    return torch.addcmul(-mean * scale, x, scale)


def fuse(steps: list[Step], constants: dict[str, Tensor]) -> list[Step]:
    """Put convolutions with their bias and scale together, and what normalises a channel.

    New constants are added; steps that lead nowhere now are left in.
    """
    makers = {name: step for step in steps for name in step.outputs}
    readers: dict[str, list[Step]] = {}
    for step in steps:
        for name in step.inputs:
            readers.setdefault(name, []).append(step)
    return list(_fused(steps, constants, makers, readers))


def _fused(
    steps: list[Step],
    constants: dict[str, Tensor],
    makers: dict[str, Step],
    readers: dict[str, list[Step]],
) -> Iterator[Step]:
    for step in steps:
        fused = None
        if step.run is OPERATORS["Div"]:
            fused = _normalised(step, makers)
        elif step.run is OPERATORS["Mul"]:
            fused = _scaled(step, constants, makers, readers)
        yield fused or step


def _scaled(
    step: Step,
    constants: dict[str, Tensor],
    makers: dict[str, Step],
    readers: dict[str, list[Step]],
) -> Step | None:
    """Find (convolution + bias) * scale that ends in a product, read by nobody in between."""
    chain = [step]
    for kind in ("Cast", "Add", "ConvInteger"):
        made = makers.get(chain[-1].inputs[0])
        if not made or made.run is not OPERATORS[kind] or len(readers[made.outputs[0]]) > 1:
            return None
        chain.append(made)
    _, _, add, convolution = chain
    bias, scale = constants.get(add.inputs[1]), constants.get(step.inputs[1])
    if bias is None or scale is None or scale.numel() != 1:
        return None
    name = step.outputs[0]
    factor = float(scale)
    weight = constants[convolution.inputs[1]] * factor
    constants[f"{name}:weight"] = weight
    constants[f"{name}:bias"] = bias.reshape(-1).to(weight.device) * factor
    return Step(
        run=convolve,
        attributes=convolution.attributes,
        inputs=(convolution.inputs[0], f"{name}:weight", f"{name}:bias"),
        outputs=step.outputs,
    )


def _normalised(step: Step, makers: dict[str, Step]) -> Step | None:
    """Find (x - mean) / sqrt(mean of squares + epsilon)."""
    centred, root = (makers.get(name) for name in step.inputs)
    chain = [root]
    for kind in ("Sqrt", "Add", "ReduceMean", "Mul"):
        made = chain[-1]
        if made is None or made.run is not OPERATORS[kind]:
            return None
        chain.append(makers.get(made.inputs[0]))
    _, add, _, square, subtract = chain
    if subtract is None or subtract is not centred or subtract.run is not OPERATORS["Sub"]:
        return None
    assert square is not None
    assert add is not None
    mean = makers.get(subtract.inputs[1])
    is_mean = mean is not None and mean.run is OPERATORS["ReduceMean"]
    if not is_mean or square.inputs != (subtract.outputs[0],) * 2:
        return None
    inputs = (subtract.inputs[0], add.inputs[1])
    return Step(run=normalise, attributes={}, inputs=inputs, outputs=step.outputs)
