import pytest
import torch

from training.stage_options import parse_device


@pytest.mark.parametrize(
    ("name", "index"), [("cuda", 0), ("cuda:0", 0), ("cuda:3", 3), ("cpu", None)]
)
def test_a_gpu_always_has_a_number(name: str, index: int | None) -> None:
    device = parse_device(name)
    assert device.index == index
    assert device == torch.device(name if ":" in name or name == "cpu" else "cuda:0")
