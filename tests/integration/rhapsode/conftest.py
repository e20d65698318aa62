from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rhapsode.cli import run
from training.tiny_checkpoint import write_checkpoint

torch.set_num_threads(1)  # as in tests/model

Render = Callable[..., int]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    write_checkpoint(folder, seed=0)
    return folder


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    monkeypatch.setenv("RHAPSODE_DATA_DIR", str(folder))
    return folder


@pytest.fixture
def render(tiny: Path, data_dir: Path) -> Render:
    """Run `rhapsode render` with the tiny model; returns the exit code."""

    def call(*arguments: str | Path, model: Path = tiny) -> int:
        return run(["render", "--quiet", "--model", str(model), *map(str, arguments)])

    return call
