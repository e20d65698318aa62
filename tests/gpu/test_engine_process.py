"""A GPU's engine speaks in a process of its own, and the worker leaves the GPU alone."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch

from narration.settings import ModelSettings, Settings
from training.tiny_checkpoint import write_checkpoint
from worker.engine.types import Delivery, Speech, Utterance
from worker.engine_process.client import EngineClient
from worker.model import load_model

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

TEXT = "This sentence is spoken twice."


def speak(model: ModelSettings, data: Path) -> tuple[Speech, bool]:
    """Speak with a model; tell also whether its engine had a process of its own."""
    loaded = load_model(Settings(model=model, data_dir=data))
    with closing(loaded.engine):
        voice = loaded.bundled["default"]
        utterance = Utterance(text=TEXT, voice=voice, delivery=Delivery(), seed=1)
        speech = loaded.engine.submit(utterance).result(600)
        return speech, isinstance(loaded.engine, EngineClient)


def test_the_engine_has_a_process_of_its_own_and_says_the_same(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "tiny", seed=0)
    model = ModelSettings(
        checkpoint=str(tmp_path / "tiny"), back_end="torch", precision="float32", gpu_memory_gb=8
    )
    allocated = torch.cuda.memory_allocated() if torch.cuda.is_initialized() else None
    speech, is_apart = speak(model, tmp_path)
    assert is_apart
    if allocated is None:
        assert not torch.cuda.is_initialized()
    else:
        assert torch.cuda.memory_allocated() == allocated
    own = model.model_copy(update={"has_own_process": False})
    same, is_apart = speak(own, tmp_path)
    assert not is_apart
    assert np.array_equal(speech.tokens, same.tokens)
    assert np.allclose(speech.waveform, same.waveform, atol=1e-3)
