"""What a key may do, and how much of it; pure."""

from dataclasses import dataclass, fields
from enum import StrEnum


class Scope(StrEnum):
    """One kind of calls. No scope includes another: a key lists each that it needs."""

    SUBMIT = "submit"  # spend: make, change, cancel and delete jobs and plans, speak
    READ = "read"  # see and hear everything, follow events
    VOICES = "voices"  # add and delete voices
    ADMIN = "admin"  # create and revoke keys of every owner, see all usage


# For keys that name none, and for those in the environment.
USUAL_SCOPES = frozenset({Scope.SUBMIT, Scope.READ, Scope.VOICES})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLimits:
    """How much a key may use; None is no limit.

    `queued_jobs`: unfinished narrations of the key. `streams`: open streams of speech, and
    separately as many streams of events.
    """

    requests_a_minute: int | None = None
    queued_jobs: int | None = None
    characters_a_day: int | None = None
    streams: int | None = None

    def over(self, defaults: "KeyLimits") -> "KeyLimits":
        """Return these limits, with those of `defaults` for each that is not set."""
        chosen = {
            field.name: own if (own := getattr(self, field.name)) is not None else default
            for field in fields(self)
            for default in [getattr(defaults, field.name)]
        }
        return KeyLimits(**chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """The key that pays for a submission, and how much it may still use."""

    key_id: str
    key_name: str
    queued_jobs: int | None = None
    characters_a_day: int | None = None


def in_order(scopes: frozenset[Scope]) -> list[Scope]:
    """Return scopes in their usual order."""
    return [scope for scope in Scope if scope in scopes]
