"""Engines with the tiny checkpoint, in processes of their own and in this one."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from narration.settings import ModelSettings, Settings
from training.tiny_checkpoint import write_checkpoint
from worker.model import load_model
from worker.process import LoadedModel


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    write_checkpoint(folder, seed=0)
    return folder


@pytest.fixture(scope="module")
def settings(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    model = ModelSettings(checkpoint=str(tiny), has_own_process=True, t3_slots=4, vocoder_batch=2)
    return Settings(model=model, data_dir=tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # as in this process: see tests/model/conftest.py
        yield


@pytest.fixture(scope="module")
def apart(settings: Settings) -> Iterator[LoadedModel]:
    model = load_model(settings)
    with closing(model.engine):
        yield model


@pytest.fixture(scope="module")
def here(settings: Settings) -> Iterator[LoadedModel]:
    own = settings.model.model_copy(update={"has_own_process": False})
    model = load_model(settings.model_copy(update={"model": own}))
    with closing(model.engine):
        yield model


@pytest.fixture
def dying(settings: Settings) -> Iterator[LoadedModel]:
    """A model that the test may kill."""
    model = load_model(settings)
    yield model
    model.engine.close()
