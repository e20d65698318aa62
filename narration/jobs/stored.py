"""Settings as a job row stores them: versioned, and readable for ever.

What a caller may send (narration.jobs.request) may be narrowed or lose a field; a row that was
written before is upgraded to the current form each time it is read.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from narration.field_types import CONTROLS
from narration.jobs.request import MAX_DEADLINE_S, MAX_RETENTION_S, JobSettings, Voicing

VERSION = "version"


def _limit_times(settings: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had no upper limits, and dates beyond the year 9999 could not be computed."""
    for name, limit in (("retention_s", MAX_RETENTION_S), ("deadline_s", MAX_DEADLINE_S)):
        if settings.get(name) is not None:
            settings[name] = min(settings[name], limit)
    return settings


def _drop_controls(settings: dict[str, Any]) -> dict[str, Any]:
    """Versions 1 and 2 allowed control characters in names and titles."""
    for name in ("voice", "title", "author"):
        if settings.get(name) is not None:
            settings[name] = CONTROLS.sub("", settings[name])
    labels = settings.get("labels") or {}
    settings["labels"] = {
        CONTROLS.sub("", name): CONTROLS.sub("", value) for name, value in labels.items()
    }
    return settings


def _read_any_language(settings: dict[str, Any]) -> dict[str, Any]:
    """Versions 1 to 3 had no language option, and no document was refused for its language."""
    return {"other_language": "read", **settings}


# The upgrade from each version to the next; rows of version 1 contain no version number.
_UPGRADES: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = (
    _limit_times,
    _drop_controls,
    _read_any_language,
)
PRESENT = len(_UPGRADES) + 1


def dump_settings(settings: JobSettings) -> dict[str, Any]:
    """Return settings as a row stores them."""
    return {**settings.model_dump(mode="json"), VERSION: PRESENT}


def read_settings(stored: Mapping[str, Any]) -> JobSettings:
    """Read the settings of a row of any version; fields that no longer exist are ignored."""
    settings = dict(stored)
    for upgrade in _UPGRADES[settings.pop(VERSION, 1) - 1 :]:
        settings = upgrade(settings)
    return JobSettings.model_validate(settings, extra="ignore")


def read_voicing(stored: Mapping[str, Any] | None) -> Voicing:
    """Read a chunk's voicing; fields that no longer exist are ignored."""
    return Voicing.model_validate(stored or {}, extra="ignore")


def dump_voicing(voicing: Voicing) -> dict[str, Any] | None:
    """Return a voicing as a row stores it: None if the chunk is spoken like the rest of its job."""
    return voicing.model_dump(mode="json", exclude_none=True) or None


def expiry_of(stored: Mapping[str, Any], now: datetime) -> datetime | None:
    """Return when a job that ends now may be deleted."""
    retention_s = read_settings(stored).retention_s
    return now + timedelta(seconds=retention_s) if retention_s else None


def deadline_of(settings: JobSettings, now: datetime) -> datetime | None:
    """Return the time by which a job that is queued now must have ended."""
    return now + timedelta(seconds=settings.deadline_s) if settings.deadline_s else None
