import pytest

from narration.keys.rates import WINDOW_S, Ask, MemoryRates
from tests.contracts.rates import RatesContract


class TestRatesOfOneProcess(RatesContract):
    @pytest.fixture
    def rates(self) -> MemoryRates:
        return MemoryRates()


def test_a_minute_begins_with_its_first_request() -> None:
    now = 0.0
    rates = MemoryRates(clock=lambda: now)
    ask = Ask(key_id="key_a", requests_a_minute=1)
    now = 30.0
    assert rates.admit(ask).has_request
    now = 30.0 + WINDOW_S - 1
    refused = rates.admit(ask)
    assert (refused.has_request, refused.resets_s) == (False, 1.0)
    now = 30.0 + WINDOW_S
    assert rates.admit(ask).has_request


@pytest.mark.parametrize("now", [0.0, 211.60322905771815, 32757.11767436881])
def test_a_minute_is_never_longer_than_a_minute(now: float) -> None:
    rates = MemoryRates(clock=lambda: now)
    assert rates.admit(Ask(key_id="key_a", requests_a_minute=1)).resets_s == WINDOW_S
