import torch
from torch import Tensor, nn

from training.teacher.fusing import Step, fuse
from training.teacher.operators import OPERATORS, run_lstm

Values = dict[str, Tensor]
CONVOLUTION = {"strides": [1], "pads": [1, 1], "dilations": [1], "group": 1}
AXIS = torch.tensor([-1])


def make_step(kind: str, output: str, *inputs: str, **attributes: object) -> Step:
    return Step(run=OPERATORS[kind], attributes=dict(attributes), inputs=inputs, outputs=(output,))


def run(steps: list[Step], values: Values) -> Values:
    values = dict(values)
    for step in steps:
        result = step.run(step.attributes, *(values[name] for name in step.inputs))
        values[step.outputs[0]] = result
    return values


def make_convolution() -> tuple[list[Step], Values]:
    torch.manual_seed(1)
    steps = [
        make_step("ConvInteger", "raw", "x", "weight", "zero", "zero", **CONVOLUTION),
        make_step("Add", "biased", "raw", "bias"),
        make_step("Cast", "cast", "biased", to=1),
        make_step("Mul", "y", "cast", "scale"),
    ]
    constants = {
        "weight": torch.randn(4, 3, 3),
        "bias": torch.randn(1, 4, 1),
        "scale": torch.tensor(0.1),
        "zero": torch.zeros(()),
    }
    return steps, constants


def test_a_convolution_takes_its_bias_and_scale_along() -> None:
    steps, constants = make_convolution()
    x = torch.randn(1, 3, 20)
    wanted = run(steps, constants | {"x": x})["y"]

    fused = fuse(steps, constants)

    torch.testing.assert_close(run(fused[-1:], constants | {"x": x})["y"], wanted)


def test_a_convolution_that_others_read_before_its_scale_is_left() -> None:
    steps, constants = make_convolution()

    fused = fuse([*steps, make_step("Sin", "other", "biased")], constants)

    assert fused[3] == steps[3]


def test_a_channel_is_normalised_in_one_step() -> None:
    steps = [
        make_step("ReduceMean", "mean", "x", "axis"),
        make_step("Sub", "centred", "x", "mean"),
        make_step("Mul", "square", "centred", "centred"),
        make_step("ReduceMean", "variance", "square", "axis"),
        make_step("Add", "positive", "variance", "epsilon"),
        make_step("Sqrt", "root", "positive"),
        make_step("Div", "y", "centred", "root"),
    ]
    constants = {"axis": AXIS, "epsilon": torch.tensor(1e-5)}
    values = constants | {"x": 3 + 2 * torch.randn(1, 5, 40)}

    fused = fuse(steps, dict(constants))

    assert fused[-1] != steps[-1]
    torch.testing.assert_close(run(fused[-1:], values)["y"], run(steps, values)["y"])


def test_rows_of_different_length_go_through_an_lstm_as_if_alone() -> None:
    torch.manual_seed(2)
    layer = nn.LSTM(6, 4, bidirectional=True)
    rows = [torch.randn(length, 1, 6) for length in (3, 9, 5)]

    together = run_lstm(layer, rows)

    for row, output in zip(rows, together, strict=True):
        [alone] = run_lstm(layer, [row])
        assert output.shape == (len(row), 2, 1, 4)
        torch.testing.assert_close(output, alone)
