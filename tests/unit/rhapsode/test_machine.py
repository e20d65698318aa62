"""The data directory of one machine: what makes it unusable."""

from pathlib import Path

import pytest

from narration.errors import OutputError
from narration.settings import Settings
from rhapsode.machine import check_room, open_machine
from tests.builders import make_settings
from tests.fakes import make_model
from worker.process import LoadedModel


def test_a_disk_with_room_is_worked_on(tmp_path: Path) -> None:
    check_room(tmp_path)


def test_a_disk_without_room_is_refused_before_a_model_is_loaded(small_disk: Path) -> None:
    loaded: list[Settings] = []

    def load(settings: Settings) -> LoadedModel:
        loaded.append(settings)
        return make_model()

    with (
        pytest.raises(OutputError, match="cramped is full: free some space"),
        open_machine(make_settings(small_disk), load),
    ):
        pass
    assert loaded == []
