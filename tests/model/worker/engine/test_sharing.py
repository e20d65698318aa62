"""Who goes first on a card; there is none, so streams are replaced by their priorities."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from worker.engine.options import EngineOptions, resolve
from worker.engine.sharing import share_card


def test_a_cpu_has_nothing_to_share() -> None:
    shared = share_card(resolve(EngineOptions(device="cpu", back_end="torch")))
    assert (shared.open_t3, shared.open_sound) == (None, None)


def test_t3_goes_first_on_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "Stream", lambda _, priority=0: priority)
    on_a_card: Any = SimpleNamespace(device="cuda")
    shared: Any = share_card(on_a_card)
    assert shared.open_t3() < shared.open_sound() == 0  # the lower number goes first
