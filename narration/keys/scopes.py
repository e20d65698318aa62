"""What a key may be good for, and how much of it; pure."""

from dataclasses import dataclass, fields
from enum import StrEnum


class Scope(StrEnum):
    """One kind of calls. None holds another: a key has each that it needs."""

    SUBMIT = "submit"  # spend: make, change, cancel and delete jobs and plans, speak
    READ = "read"  # see and hear what there is, follow events
    VOICES = "voices"  # add and delete voices
    ADMIN = "admin"  # make and revoke keys of every owner, see everybody's usage


# Of keys that name none, and of those in the environment.
USUAL_SCOPES = frozenset({Scope.SUBMIT, Scope.READ, Scope.VOICES})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLimits:
    """How much a key may ask for; None is no limit.

    `queued_jobs`: narrations of the key that have not ended. `streams`: speech that is being sent,
    and as many streams of events beside it.
    """

    requests_a_minute: int | None = None
    queued_jobs: int | None = None
    characters_a_day: int | None = None
    streams: int | None = None

    def over(self, defaults: "KeyLimits") -> "KeyLimits":
        """Return these limits, with those of `defaults` where there is none."""
        chosen = {
            field.name: own if (own := getattr(self, field.name)) is not None else default
            for field in fields(self)
            for default in [getattr(defaults, field.name)]
        }
        return KeyLimits(**chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Whose key pays for what is submitted, and how much it may still ask for."""

    key_id: str
    key_name: str
    queued_jobs: int | None = None
    characters_a_day: int | None = None


def in_order(scopes: frozenset[Scope]) -> list[Scope]:
    """Return scopes in the order in which they are listed everywhere."""
    return [scope for scope in Scope if scope in scopes]
