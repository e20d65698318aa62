"""Abbreviations as words: titles, saints, streets, words before numbers, initials, acronyms."""

import re

from narration.text.abbreviation_tables import (
    BARE_TITLES,
    ENDING,
    FIRST_NAMES,
    INNER,
    NUMBERED,
    PHRASES,
    STATES,
    TITLES,
)
from narration.text.english import English
from narration.text.figures import keep_stop, text_before
from narration.text.postal import STREETS
from narration.text.roman import COUNTED_BEFORE
from narration.text.rules import alternatives, rule

# Not inside a word; a quote before it must be an opening one, not an apostrophe.
_FREE = r"(?<![\w.-])(?<!\w')"
# Words after which an I is the pronoun and its full stop ends a sentence, since no initial follows.
_PRONOUN = re.compile(
    r"\b(?:and|than|am|was|were|is|it's|do|did|does|can|could|should|would|will|shall|may|"
    r"might|must|"
    r"had|have|but|as|nor|or|so|not|if|that|what|who|save) \Z",
    re.IGNORECASE,
)
_PRONOUN_REACH = 8
_SHOUTED_TITLES = {title.upper(): said for title, said in TITLES.items() if title != "Fr"}
_ALSO_WORDS = frozenset({"Pa", "La", "Mo", "Ill", "Ind", "Mass", "Cal", "Del", "Wash", "Va", "Ala"})
_AFTER_TOWN = re.compile(r"[a-z], \Z")
_TOWN = re.compile(r"(?<![.!?\"'] )(?<!^)\b[A-Z][a-z]+, \Z")
_BEFORE = 16  # characters that distinguish "Chapter I." and "you and I." from an initial
_TAIL = 18  # longer than any abbreviation with its closing marks
_ENDS = frozenset({*TITLES, *ENDING, *STATES, *INNER, *STREETS, "&c"})
_KNOWN = frozenset({*STATES, *TITLES, *_SHOUTED_TITLES, *FIRST_NAMES, *NUMBERED, *INNER, *ENDING})
_ANNOUNCED = re.compile(r" ?(?:[A-Z]{0,3}-?\d|[IVXLC]{2,}\b|[IVXLC]\b(?!\.? [a-z]))")
_LARGE = re.compile(r" ?\d{3}")
_NAME = re.compile(r" ?[A-Z(]| ")
_FIGURE = re.compile(r" ?\d")
_CAPITAL = re.compile(r" ?[A-Z]")
_KEPT_DOTTED = frozenset({"a.m.", "p.m.", "A.M.", "P.M."})
_DOTTED_WORDS = {**INNER, **ENDING}
_MONTH_WORDS = {"inst": "instant", "ult": "ultimo", "prox": "proximo"}
_REACH = 8  # characters after a full stop that decide what it is


def follows_pronoun_word(before: str) -> bool:
    """Return whether an I after these words is the pronoun: "you and I.", not "by I. Newton"."""
    return _PRONOUN.search(before[-_PRONOUN_REACH:]) is not None


def ends_shortened(text: str) -> bool:
    """Return whether the last full stop of a text may belong to an abbreviation."""
    tail = text[-_TAIL:].rstrip("\"') ")
    return tail.endswith(".") and tail[tail.rfind(" ") + 1 : -1].lstrip("\"'(") in _ENDS


def _dotted_word(match: re.Match[str], english: English) -> str:
    """Expand a word with a full stop, if it is an abbreviation here."""
    word = match[1]
    if word not in _KNOWN:
        return match[0]
    following = match.string[match.end() : match.end() + _REACH]
    words = _say_word(word, following, is_first=not match.start())
    if words is None and word in STATES and _AFTER_TOWN.search(text_before(match, 3)):
        return _state(match, english)
    if words is not None:
        return words if not following or following[:1] in _NO_SPACE else f"{words} "
    if word in INNER and not following[:1].isalnum():
        return INNER[word]
    return (
        keep_stop(match, ENDING[word])
        if word in ENDING and not following[:1].isalnum()
        else match[0]
    )


_NO_SPACE = frozenset(" ,;:)'\"")


def _say_word(word: str, following: str, *, is_first: bool) -> str | None:
    """Expand an abbreviation before a number or a name."""
    if word in NUMBERED and _ANNOUNCED.match(following):
        # Statutes have "chapter" where dates have "circa": 24 George III. c. 54, c. 1830.
        words = "chapter" if word == "c" and not _LARGE.match(following) else NUMBERED[word]
        return words.capitalize() if word[0].isupper() and word != "No" and is_first else words
    if word == "Fr" and _FIGURE.match(following):
        return None  # francs
    if word in TITLES and (_NAME.match(following) or (is_first and not following)):
        return TITLES[word]
    if word in _SHOUTED_TITLES and _CAPITAL.match(following):
        return _SHOUTED_TITLES[word]
    return FIRST_NAMES[word] if word in FIRST_NAMES and _CAPITAL.match(following) else None


def _bare_title(match: re.Match[str], _: English) -> str:
    return TITLES[match[1]]


def _state(match: re.Match[str], _: English) -> str:
    if match[1] in _ALSO_WORDS and not _TOWN.search(
        match.string, max(0, match.start() - 24), match.start()
    ):
        return match[0]  # "Yes, Miss."
    return keep_stop(match, STATES[match[1]])


def _phrase(match: re.Match[str], _: English) -> str:
    return keep_stop(match, PHRASES[match[0]])


def _street(match: re.Match[str], _: English) -> str:
    return keep_stop(match, f" {STREETS[match[1]]}")


def _letters(match: re.Match[str], _: English) -> str:
    """Read U.S.A. as letters; the last full stop may end the sentence."""
    if match[0] in _KEPT_DOTTED:
        return match[0].lower()
    words = _DOTTED_WORDS.get(match[0][:-1])
    if match[0][:-1] in INNER and words:
        return words
    return keep_stop(match, words or match[0].replace(".", " ").strip().upper())


def _initials(match: re.Match[str], _: English) -> str:
    before = text_before(match, _BEFORE)
    is_other = match[1][1:] in {".", ". "} and (
        COUNTED_BEFORE.search(before) or (match[1][0] == "I" and follows_pronoun_word(before))
    )
    return match[0] if is_other else " ".join(re.findall("[A-Z]", match[1])) + " "


def _versus(match: re.Match[str], _: English) -> str:
    return f"{match['before']}versus "


# Only where a full stop is directly followed by a letter.
DOTTED = (
    rule(r"(?<=[a-z]{3})\.(?=[A-Z][a-z])", ". ", "."),  # a missing space
    rule(
        rf"(?<=[a-z], )({alternatives(state for state in STATES if '.' in state)})\.(?!\w)",
        _state,
        words=tuple(f", {state}." for state in STATES if "." in state),
    ),
    rule(r"(?<![\w.'-])Ph\.D\.(?!\w)", _letters, words=("Ph.D",)),
    rule(r"(?<![\w.-])(?<!\w')(?:[A-Za-z]\.){2,}(?!\w)", _letters, "."),
    rule(
        r"(?<![\w.-])(?<!\w')(?:[A-Z]\.)+[A-Z](?![\w.])",
        _letters,
        ".",
        starts=r"[A-Z](?=\.[A-Z])",
    ),
)
ABBREVIATIONS = (
    rule(
        rf"{_FREE}({alternatives(BARE_TITLES)})(?= [A-Z])",
        _bare_title,
        words=[f"{t} " for t in BARE_TITLES],
    ),
    rule(
        rf"(?<![\w.'-])(?:{alternatives(p for p in PHRASES if p != '24/7')})(?!\w)",
        _phrase,
        words=("/", "&c", "cit.", "seq.", "q.", "al."),
    ),
    rule(
        r"\b([ei])\. ([ge])\.(?!\w)",
        lambda m, _: "for example" if m[1] == "e" else "that is",
        words=("e. g.", "i. e."),
    ),
    rule(r"(?P<before>\b[A-Z][\w'.-]* )v\. (?=[A-Z])", _versus, words=(" v. ",)),
    rule(
        r"(?<=[a-z\d]) (St|Dr|Ln|Ct|Pl|Sq)\.?(?=,| [a-z]|[.!?]?[\"')]*$)",
        _street,
        words=(" St", " Dr", " Ln", " Ct", " Pl", " Sq"),
    ),
    rule(rf"{_FREE}(?:St|Ste)\.? ?(?=[A-Z][a-z])", "Saint ", words=("St", "Ste")),
    rule(
        r"(?<=[tnrs][htd] )(inst|ult|prox)\.",
        lambda m, _: keep_stop(m, _MONTH_WORDS[m[1]]),
        words=("inst.", "ult.", "prox."),
    ),
    rule(rf"{_FREE}([A-Za-z]{{1,9}})\.", _dotted_word, "."),
    rule(
        r"([A-Z](?<![\w.-][A-Z])(?<!\w'[A-Z])\. ?(?:[A-Z]\. ?){0,3})(?=[A-Z][a-z'])",
        _initials,
        ".",
    ),
)
