"""Settings stored by an earlier version are read, even if they would be refused today."""

from narration.jobs.request import JobSettings
from narration.jobs.stored import dump_settings, read_settings


def test_control_characters_in_stored_names_are_dropped() -> None:
    stored = {"version": 2, "title": "a\0b", "author": None, "labels": {"part\n": "\x1fone"}}
    settings = read_settings(stored)
    assert (settings.title, settings.author) == ("ab", None)
    assert settings.labels == {"part": "one"}


def test_times_beyond_todays_bounds_are_brought_within_them() -> None:
    settings = read_settings({"retention_s": 10**15, "deadline_s": 10**15})
    assert settings.retention_s == 3650 * 86_400
    assert settings.deadline_s == 365 * 86_400


def test_jobs_of_before_are_not_refused_for_their_language() -> None:
    assert read_settings({"version": 3}).other_language == "read"
    assert read_settings(dump_settings(JobSettings())).other_language == "refuse"
