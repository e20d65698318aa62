"""The contract of every counter of requests and streams; subclasses provide `rates`."""

from concurrent.futures import ThreadPoolExecutor

from narration.keys.rates import Ask, Lease, Rates


def lease(name: str, kind: str = "speech", key: str = "key_a") -> Lease:
    return Lease(key_id=key, kind=kind, id=name)


def stream(name: str, kind: str = "speech", key: str = "key_a", streams: int = 2) -> Ask:
    return Ask(key_id=key, streams=streams, lease=lease(name, kind, key))


class RatesContract:
    def test_requests_beyond_the_limit_are_refused(self, rates: Rates) -> None:
        ask = Ask(key_id="key_a", requests_a_minute=2)
        answers = [rates.admit(ask) for _ in range(3)]
        assert [answer.requests for answer in answers] == [1, 2, 3]
        assert [answer.has_request for answer in answers] == [True, True, False]
        assert 50 < answers[-1].resets_s <= 60
        assert rates.admit(Ask(key_id="key_b", requests_a_minute=2)).requests == 1

    def test_requests_are_exact_however_many_ask(self, rates: Rates) -> None:
        ask = Ask(key_id="key_a", requests_a_minute=10)
        with ThreadPoolExecutor(8) as pool:
            let_in = pool.map(lambda _: rates.admit(ask).has_request, range(40))
            assert sum(let_in) == 10

    def test_streams_are_counted_while_they_are_open(self, rates: Rates) -> None:
        assert [rates.admit(stream(name)).has_stream for name in "abc"] == [True, True, False]
        assert rates.admit(stream("x", kind="events")).has_stream
        assert rates.admit(stream("x", key="key_b")).has_stream
        rates.release(lease("a"))
        rates.release(lease("a"))
        rates.renew([lease("b")])
        assert [rates.admit(stream(name)).has_stream for name in "de"] == [True, False]

    def test_a_request_that_is_refused_opens_no_stream(self, rates: Rates) -> None:
        ask = Ask(key_id="key_a", requests_a_minute=1, streams=1, lease=lease("a"))
        assert rates.admit(ask).has_stream
        rates.release(lease("a"))
        assert not rates.admit(ask).has_request
        assert rates.admit(stream("b", streams=1)).has_stream

    def test_a_stream_without_a_limit_is_not_counted(self, rates: Rates) -> None:
        ask = Ask(key_id="key_a", requests_a_minute=9, lease=lease("a"))
        assert rates.admit(ask).streams == 0
        assert rates.admit(stream("b", streams=1)).has_stream
