from narration.backoff import backoff_s


def test_waits_double_up_to_the_longest() -> None:
    waits = [backoff_s(failures, first_s=0.5, longest_s=3.0) for failures in range(1, 6)]
    assert waits == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_endless_failures_wait_no_longer() -> None:
    assert backoff_s(10**9, first_s=1.0, longest_s=300.0) == 300.0
