"""A rewriting rule: what it matches, its replacement, and when it need not be tried."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from narration.text.english import English

DIGITS = "0123456789"
Say = Callable[[re.Match[str], English], str]
_MOST_CHOICES = 4096  # sets of characters that are cached; a book has a few hundred
_FIGURE = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Replace what `pattern` matches by the result of `say`.

    A text that lacks every character of one of the `needs`, or all of the `words`, cannot match.
    Since prose is mostly plain, most rules are never tried on it. A rule with `at_figure` is
    matched only where a figure begins, one with `starts` only where these match, which saves a
    search.
    """

    pattern: re.Pattern[str]
    say: Say
    needs: tuple[str, ...]
    words: tuple[str, ...]
    at_figure: bool
    starts: re.Pattern[str] | None = None


def rule(
    pattern: str, say: Say | str, *needs: str, words: Iterable[str] = (), starts: str | None = None
) -> Rule:
    """Make a rule; a string is used as the replacement for every match."""
    say_match: Say = partial(_say_words, say) if isinstance(say, str) else say
    return Rule(
        pattern=re.compile(pattern),
        say=say_match,
        needs=needs,
        words=tuple(words),
        at_figure=False,
        starts=None if starts is None else re.compile(starts),
    )


def figure_rule(pattern: str, say: Say | str, *needs: str, words: Iterable[str] = ()) -> Rule:
    """Make a rule that begins with a figure; the pattern is tried there only."""
    say_match: Say = partial(_say_words, say) if isinstance(say, str) else say
    return Rule(
        pattern=re.compile(pattern),
        say=say_match,
        needs=(DIGITS, *needs),
        words=tuple(words),
        at_figure=True,
    )


class RuleSet:
    """An ordered list of rules; those that a text can need are looked up by its characters."""

    def __init__(self, rules: Iterable[Rule], guard: str | None = None) -> None:
        """Create a set that applies only to texts in which the guard, if given, matches."""
        self._rules = tuple(rules)
        self._guard = None if guard is None else re.compile(guard)
        needs = dict.fromkeys(need for each in self._rules for need in each.needs)
        self._bits: dict[str, int] = {}
        for index, need in enumerate(needs):
            for character in need:
                self._bits[character] = self._bits.get(character, 0) | 1 << index
        bits = {need: 1 << index for index, need in enumerate(needs)}
        self._needs = tuple(sum(bits[need] for need in set(each.needs)) for each in self._rules)
        self._deciding = frozenset(self._bits)
        self._choices: dict[frozenset[str], tuple[Rule, ...]] = {}

    def apply(self, text: str, english: English, characters: frozenset[str]) -> str:
        """Apply the rules in order, each to the whole text.

        The rules are chosen once, by the characters of the incoming text: a rule that matches the
        output of another is applied in the next pass.
        """
        if self._guard is not None and not self._guard.search(text):
            return text
        figures: list[int] | None = None
        seen: dict[tuple[str, ...], bool] = {}
        for each in self._choose(characters):
            words = each.words
            if words:
                if words not in seen:
                    seen[words] = _has_any(words, text)
                if not seen[words]:
                    continue
            if each.at_figure:
                if figures is None:
                    figures = _figures(text)
                spoken = _replace_at(figures, each, text, english)
            elif each.starts:
                starts = [match.start() for match in each.starts.finditer(text)]
                spoken = _replace_at(starts, each, text, english)
            else:
                spoken = each.pattern.sub(partial(_say, each.say, english), text)
            if spoken != text:
                text, figures = spoken, None
                seen.clear()
        return text

    def _choose(self, characters: frozenset[str]) -> tuple[Rule, ...]:
        deciding = self._deciding & characters
        chosen = self._choices.get(deciding)
        if chosen is None:
            if len(self._choices) >= _MOST_CHOICES:
                self._choices.clear()
            present = 0
            for character in deciding:
                present |= self._bits[character]
            chosen = self._choices[deciding] = tuple(
                each
                for needs, each in zip(self._needs, self._rules, strict=True)
                if present & needs == needs
            )
        return chosen


def apply_all(sets: Iterable[RuleSet], text: str, english: English) -> str:
    """Apply several sets of rules in order."""
    characters = frozenset(text)
    for rules in sets:
        spoken = rules.apply(text, english, characters)
        if spoken != text:
            text, characters = spoken, frozenset(spoken)
    return text


def alternatives(words: Iterable[str]) -> str:
    """Return a pattern of literal words, longest first so that no word hides a longer one."""
    return "|".join(re.escape(word) for word in sorted(words, key=lambda w: (-len(w), w)))


def in_any_case(*words: str) -> tuple[str, ...]:
    """Return words in lower case, capitalized, and in capitals."""
    return tuple(dict.fromkeys(form for w in words for form in (w, w.capitalize(), w.upper())))


def _figures(text: str) -> list[int]:
    """Return where figures begin: at their first digit, and at a point before it."""
    starts: list[int] = []
    for match in _FIGURE.finditer(text):
        start = match.start()
        if start and text[start - 1] == ".":
            starts.append(start - 1)
        starts.append(start)
    return starts


def _has_any(words: tuple[str, ...], text: str) -> bool:
    for word in words:  # noqa: SIM110 - half the time of any(): this runs for every sentence
        if word in text:
            return True
    return False


def _replace_at(starts: list[int], each: Rule, text: str, english: English) -> str:
    find = each.pattern.match
    for start in starts:
        if find(text, start):  # rare, so nothing is prepared in advance
            break
    else:
        return text
    pieces: list[str] = []
    position = 0
    for start in starts:
        if start >= position and (match := find(text, start)):
            pieces += (text[position:start], each.say(match, english))
            position = match.end()
    return "".join((*pieces, text[position:]))


def _say(say: Say, english: English, match: re.Match[str]) -> str:
    return say(match, english)


def _say_words(words: str, _match: re.Match[str], _english: English) -> str:
    return words
