from datetime import UTC, datetime, timedelta

from narration.ids import new_id

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_later_identifiers_sort_after_earlier_ones() -> None:
    made = [new_id("job", NOW + timedelta(milliseconds=step)) for step in (0, 1, 500, 10**9)]
    assert made == sorted(made)


def test_identifiers_of_one_moment_differ() -> None:
    assert len({new_id("job", NOW) for _ in range(1000)}) == 1000


def test_identifier_fits_its_column_and_a_url() -> None:
    made = new_id("voice", NOW)
    assert made.startswith("voice_")
    assert len(made) <= 40
    assert made.replace("_", "").isalnum()
