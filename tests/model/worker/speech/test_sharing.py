"""Who has which part of a card, without a card: the driver's calls are replaced."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from narration.errors import SettingsError
from worker.speech import sharing
from worker.speech.options import EngineOptions, _sound_sms, resolve

ON_A_CARD: Any = SimpleNamespace(device="cuda", sound_sms=104)


def refuse(device: torch.device, sms: int) -> Any:
    raise RuntimeError(f"no {sms} on {device}")


def test_a_cpu_has_nothing_to_share() -> None:
    options = resolve(EngineOptions(device="cpu", back_end="torch"))
    assert options.sound_sms == 0
    shared = sharing.share_card(options)
    assert (shared.open_t3, shared.open_sound, shared.open_wide) == (None, None, None)
    assert not shared.is_split


def test_each_stage_has_its_part(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[torch.device, int]] = []

    def split(device: torch.device, sms: int) -> tuple[str, str]:
        opened.append((device, sms))
        return "sound", "t3"

    monkeypatch.setattr(sharing, "_split", split)
    shared = sharing.share_card(ON_A_CARD)
    assert (shared.open_sound, shared.open_t3) == ("sound", "t3")
    assert opened == [(torch.device("cuda"), 104)]
    assert shared.is_split


def test_a_driver_that_cannot_split_the_card_lets_both_have_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sharing, "_split", refuse)
    shared = sharing.share_card(ON_A_CARD)
    assert shared.open_t3 is not None
    assert shared.open_sound is not None
    assert not shared.is_split


@pytest.mark.parametrize(("card", "sound"), [(132, 104), (128, 96), (58, 40), (20, 16)])
def test_sound_has_four_fifths_in_steps_of_the_driver(
    monkeypatch: pytest.MonkeyPatch, card: int, sound: int
) -> None:
    found = SimpleNamespace(multi_processor_count=card)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: found)
    assert _sound_sms(None, "cuda") == sound
    assert _sound_sms(0, "cuda") == 0
    with pytest.raises(SettingsError, match=f"the card has {card}"):
        _sound_sms(card, "cuda")


def test_what_the_driver_refuses_is_an_error() -> None:
    assert sharing._ask((0, "stream")) == "stream"
    with pytest.raises(RuntimeError, match="the driver refused"):
        sharing._ask((801,))
