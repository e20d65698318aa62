"""A GPU's engine speaks in a process of its own, and the worker leaves the GPU alone."""

from contextlib import closing
from pathlib import Path

import pytest
import torch

from narration.settings import ModelSettings, Settings
from training.tiny_checkpoint import write_checkpoint
from worker.engine.types import Delivery, Utterance
from worker.engine_process.client import EngineClient
from worker.model import load_model

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def test_the_engine_has_a_process_of_its_own(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "tiny", seed=0)
    model = ModelSettings(checkpoint=str(tmp_path / "tiny"), back_end="torch", gpu_memory_gb=8)
    reserved = torch.cuda.memory_reserved()
    loaded = load_model(Settings(model=model, data_dir=tmp_path))
    with closing(loaded.engine):
        assert isinstance(loaded.engine, EngineClient)
        assert loaded.identity.device == "cuda"
        utterance = Utterance(
            text="This sentence is spoken.",
            voice=loaded.bundled["default"],
            delivery=Delivery(),
            seed=1,
        )
        assert len(loaded.engine.submit(utterance).result(600).waveform)
    assert torch.cuda.memory_reserved() == reserved
