import time

import pytest
import redis

from narration.keys.rates import Ask
from narration.keys.shared_rates import SharedRates
from tests.contracts.rates import RatesContract, lease, stream
from tests.servers import Valkey


@pytest.fixture
def rates(valkey: Valkey) -> SharedRates:
    valkey.client().flushall()
    return SharedRates(client=valkey.client())


class TestRatesOfAllProcesses(RatesContract):
    pass


def test_two_processes_count_together(rates: SharedRates, valkey: Valkey) -> None:
    other = SharedRates(client=valkey.client())
    ask = Ask(key_id="key_a", requests_a_minute=2)
    assert [each.admit(ask).requests for each in (rates, other)] == [1, 2]
    assert not rates.admit(ask).has_request
    assert rates.admit(stream("a", streams=1)).has_stream
    assert not other.admit(stream("b", streams=1)).has_stream


def test_a_minute_ends(valkey: Valkey) -> None:
    valkey.client().flushall()
    rates = SharedRates(client=valkey.client(), window_s=0.2)
    ask = Ask(key_id="key_a", requests_a_minute=1)
    assert rates.admit(ask).has_request
    assert not rates.admit(ask).has_request
    time.sleep(0.3)
    assert rates.admit(ask).has_request


def test_streams_of_a_process_that_is_gone_are_freed(valkey: Valkey) -> None:
    valkey.client().flushall()
    rates = SharedRates(client=valkey.client(), lease_s=0.5)
    for name in "ab":
        assert rates.admit(stream(name)).has_stream
    for _ in range(4):
        time.sleep(0.2)
        rates.renew([lease("a")])  # the other lease is not renewed
    assert [rates.admit(stream(name)).has_stream for name in "cd"] == [True, False]


def test_nothing_is_left_behind(rates: SharedRates, valkey: Valkey) -> None:
    rates.admit(Ask(key_id="key_a", requests_a_minute=9, streams=1, lease=lease("a")))
    client = valkey.client()
    assert {client.pttl(key) > 0 for key in client.keys("rhapsode:limits:*")} == {True}
    rates.release(lease("a"))
    assert len(client.keys("rhapsode:limits:*")) == 1


def test_while_nobody_answers_each_process_counts_for_itself() -> None:
    now = 0.0
    gone = redis.Redis(unix_socket_path="/nowhere")
    rates = SharedRates(client=gone, clock=lambda: now)
    ask = Ask(key_id="key_a", requests_a_minute=1)
    assert rates.admit(ask).has_request
    assert not rates.admit(ask).has_request
    now = 100.0
    assert rates.admit(stream("a", streams=1)).has_stream
    rates.renew([lease("a")])
    rates.release(lease("a"))
