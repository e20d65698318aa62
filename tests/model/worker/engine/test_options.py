"""How a GPU's memory is divided, tested without a GPU."""

from types import SimpleNamespace
from typing import Any

import pytest

from narration.errors import SettingsError
from worker.engine.options import EngineOptions, _kv_cache_gb, _slots, _vocoder_batch, resolve


@pytest.mark.parametrize(
    ("budget_gb", "batch", "slots"),
    [(7, 5, 17), (8, 5, 27), (12, 8, 48), (16, 11, 87), (24, 17, 133), (78, 55, 512)],
)
def test_a_larger_card_speaks_more_at_once(budget_gb: float, batch: int, slots: int) -> None:
    assert _vocoder_batch(budget_gb) == batch
    cache_gb = _kv_cache_gb(budget_gb, batch)
    assert _slots(cache_gb) == slots
    # The driver, networks, then graphs of 2, 8 or 16 rows and the memory to capture them.
    graphs_gb = {5: 1.4, 8: 3.2, 11: 3.2, 17: 6.4, 55: 6.4}[batch]
    assert cache_gb + 1.0 + 2.6 + graphs_gb + 0.05 * batch <= budget_gb + 1e-9


@pytest.mark.parametrize(("budget_gb", "batch"), [(6, 2), (8, 48)])
def test_what_leaves_no_room_for_t3_is_refused(budget_gb: float, batch: int) -> None:
    with pytest.raises(SettingsError, match="gpu_memory_gb"):
        _kv_cache_gb(budget_gb, batch)


@pytest.mark.parametrize(
    "options",
    [
        EngineOptions(device="tpu"),
        EngineOptions(device="cpu", t3_slots=0),
        EngineOptions(device="cpu", back_end="vllm"),
    ],
)
def test_options_that_cannot_be_met_are_refused(options: EngineOptions) -> None:
    with pytest.raises(SettingsError):
        resolve(options)


@pytest.mark.parametrize(
    ("budget_gb", "changed", "has_stream", "slots"),
    [
        (39.0, {}, False, 281),
        (40.0, {}, True, 270),
        (40.0, {"precision": "float32"}, False, 290),
        (40.0, {"is_compiled": False}, False, 290),
    ],
)
def test_first_sounds_have_a_stream_where_there_is_room_for_their_graphs(
    monkeypatch: pytest.MonkeyPatch,
    budget_gb: float,
    changed: dict[str, Any],
    has_stream: bool,
    slots: int,
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    card = SimpleNamespace(total_memory=80e9)
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda _: card)
    options = EngineOptions(device="cuda", back_end="torch", gpu_memory_gb=budget_gb, **changed)
    resolved = resolve(options)
    assert resolved.has_stream_for_first is has_stream
    assert resolved.t3_slots == slots
