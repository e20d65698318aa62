"""The results of a listening run, as data."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.listen.targets import TARGETS, Key
from tests.listen.words import Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A measured value and the values that it was computed from."""

    key: Key
    measured: float
    detail: str = ""

    @property
    def is_at_goal(self) -> bool:
        target = TARGETS[self.key]
        return target.meets(self.measured, target.goal)

    @property
    def is_lost(self) -> bool:
        """Whether it is worse than its limit."""
        target = TARGETS[self.key]
        return target.limit is not None and not target.meets(self.measured, target.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The figures of a part of the run, with every text that was transcribed for them."""

    name: str
    figures: list[Figure]
    took_s: float
    heard: dict[str, list[Comparison]] = field(default_factory=dict)

    def worst(self, count: int) -> list[tuple[str, Comparison]]:
        """Return the texts that were recognised worst, with the names of their readings."""
        heard = [(name, c) for name, comparisons in self.heard.items() for c in comparisons]
        return sorted(heard, key=lambda found: found[1].rate, reverse=True)[:count]


def least_step(values: Sequence[float]) -> float:
    """Return the smallest rise from one value to the next; not positive unless all rise."""
    return min(after - before for before, after in pairwise(values))


def percents(rates: dict[str, float]) -> str:
    return ", ".join(f"{name} {rate:.1%}" for name, rate in rates.items())


def steps(values: Sequence[float], form: str) -> str:
    return " → ".join(form.format(value) for value in values)
