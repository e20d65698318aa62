"""Settings that an earlier version stored are read, whatever a caller may send today."""

from narration.jobs.stored import read_settings


def test_control_characters_in_stored_names_are_dropped() -> None:
    stored = {"version": 2, "title": "a\0b", "author": None, "labels": {"part\n": "\x1fone"}}
    settings = read_settings(stored)
    assert (settings.title, settings.author) == ("ab", None)
    assert settings.labels == {"part": "one"}


def test_times_beyond_todays_bounds_are_brought_within_them() -> None:
    settings = read_settings({"retention_s": 10**15, "deadline_s": 10**15})
    assert settings.retention_s == 3650 * 86_400
    assert settings.deadline_s == 365 * 86_400
