"""Run the teacher's ONNX graph with torch, so that an accelerator can speak its lines.

The graph has no control flow and no randomness. Steps that depend on weights alone run once, at
load; the rest run in file order, and each value is dropped after its last use.

Several breaths are spoken at a time. An LSTM processes its input step by step, three thousand small
steps per breath, and takes as long for one breath as for many, so that all share its calls.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from training.teacher.fusing import Step, fuse
from training.teacher.operators import (
    OPERATORS,
    Attributes,
    build_lstm,
    run_lstm,
)

DURATIONS = "/encoder/Clip_output_0"  # teacher frames (25 ms) per phoneme
PITCH = "/encoder/Squeeze_output_0"  # Hz, two values per teacher frame; under 10 Hz is unvoiced
AUDIO = "audio"
OUTPUTS = (AUDIO, DURATIONS, PITCH)

MATRIX = 2  # axes: a quantised matrix has zero points per column, a convolution per row

Edit = Callable[[Tensor], Tensor]
Values = dict[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Breath:
    """What is to be spoken: phoneme ids, the pad at either end included, and how.

    Shapes: style (1, 256). `edit_pitch` takes and gives Hz, two values per teacher frame.
    """

    phonemes: list[int]
    style: Tensor
    speed: float
    edit_pitch: Edit = lambda pitch: pitch


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """Speech at 24 kHz. Shapes: audio (S,), durations (phonemes,) and pitch (2 frames,)."""

    audio: Tensor
    durations: Tensor
    pitch: Tensor


class TeacherGraph:
    """Kokoro's graph on one device: phoneme ids, style and speed to audio and durations."""

    def __init__(self, path: Path, device: torch.device) -> None:
        graph = onnx.load(str(path)).graph
        self.device = device
        self._constants: dict[str, Tensor] = {
            tensor.name: _load(tensor, device) for tensor in graph.initializer
        }
        self._lstms: dict[str, nn.LSTM] = {}
        self._center_weights(graph.node)
        nodes = self._skip_quantizers(graph.node)
        live = self._fold([self._step(node) for node in nodes])
        self._steps = _drop_dead(fuse(live, self._constants))

    @torch.inference_mode()
    def speak(self, breaths: list[Breath]) -> list[Spoken]:
        """Speak breaths together; the pitch returned is that of `edit_pitch`."""
        spoken = [self._begin(breath) for breath in breaths]
        for step in self._steps:
            self._advance(step, spoken)
            if PITCH in step.outputs:
                for breath, values in zip(breaths, spoken, strict=True):
                    values[PITCH] = breath.edit_pitch(values[PITCH])
            for values in spoken:
                for name in step.drop:
                    del values[name]
        return [
            Spoken(
                audio=values[AUDIO].reshape(-1),
                durations=values[DURATIONS].reshape(-1),
                pitch=values[PITCH].reshape(-1),
            )
            for values in spoken
        ]

    def _begin(self, breath: Breath) -> Values:
        return self._constants | {
            "tokens": torch.tensor([breath.phonemes], device=self.device),
            "style": breath.style.to(self.device),
            "speed": torch.tensor([breath.speed], device=self.device),
        }

    def _advance(self, step: Step, spoken: list[Values]) -> None:
        layer = self._lstms.get(step.outputs[0])
        if layer is None:
            for values in spoken:
                _execute(step, values)
            return
        heard = run_lstm(layer, [values[step.inputs[0]] for values in spoken])
        for values, output in zip(spoken, heard, strict=True):
            values[step.outputs[0]] = output

    def _center_weights(self, nodes: Any) -> None:
        """Subtract the zero point from every int8 weight once, instead of at each use."""
        zeros = {
            node.input[1]: node.input[3]
            for node in nodes
            if node.op_type in {"ConvInteger", "MatMulInteger"}
        }
        for name, zero_name in zeros.items():
            weight, zero = self._constants[name], self._constants[zero_name]
            is_row_wise = zero.ndim > 0 and weight.ndim > MATRIX
            shape = (-1, *([1] * (weight.ndim - 1))) if is_row_wise else zero.shape
            self._constants[name] = weight - zero.to(weight.device).reshape(shape)

    def _skip_quantizers(self, nodes: Any) -> list[Any]:
        """Leave activations unquantised: scale 1, zero point 0."""
        alias: dict[str, str] = {}
        kept = []
        for node in nodes:
            if node.op_type == "DynamicQuantizeLinear":
                quantized, scale, zero = node.output
                alias[quantized] = node.input[0]
                self._constants |= {scale: torch.ones(()), zero: torch.zeros(())}
                continue
            for index, name in enumerate(node.input):
                node.input[index] = alias.get(name, name)
            kept.append(node)
        return kept

    def _step(self, node: Any) -> Step:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if "value" in attributes:
            attributes["value"] = _tensor(attributes["value"])
        run = OPERATORS.get(node.op_type)
        if node.op_type == "DynamicQuantizeLSTM":
            weights = [self._constants.get(name) for name in node.input]
            self._lstms[node.output[0]] = build_lstm(weights, attributes["hidden_size"])
            run = _run_alone
        if run is None:
            raise NotImplementedError(f"ONNX operator {node.op_type} ({node.name})")
        outputs = tuple(node.output)
        return Step(run=run, attributes=attributes, inputs=tuple(node.input), outputs=outputs)

    @torch.inference_mode()
    def _fold(self, steps: list[Step]) -> list[Step]:
        live = []
        for step in steps:
            if all(name in self._constants for name in step.inputs if name):
                _execute(step, self._constants)
            else:
                live.append(step)
        return live


def _run_alone(_: Attributes, *_inputs: Any) -> Any:
    raise NotImplementedError("an LSTM is run for all breaths at once")


def _execute(step: Step, values: Values) -> None:
    arguments = [values[name] if name else None for name in step.inputs]
    result = step.run(step.attributes, *arguments)
    results = result if isinstance(result, tuple) else (result,)
    values.update(zip(step.outputs, results, strict=False))


def _drop_dead(steps: list[Step]) -> list[Step]:
    """Drop steps that no output needs, and record the last use of each value."""
    made = {name for step in steps for name in step.outputs}
    needed = set(OUTPUTS)
    kept: list[Step] = []
    for step in reversed(steps):
        if needed.isdisjoint(step.outputs):
            continue
        last_used = {name for name in step.inputs if name in made and name not in needed}
        needed.update(step.inputs)
        kept.append(replace(step, drop=tuple(last_used)))
    return kept[::-1]


def _load(tensor: Any, device: torch.device) -> Tensor:
    value = _tensor(tensor)
    if value.dtype in {torch.int8, torch.uint8}:
        value = value.float()
    return value.to(device) if value.is_floating_point() and value.ndim else value


def _tensor(tensor: Any) -> Tensor:
    return torch.from_numpy(numpy_helper.to_array(tensor).copy())
