"""Words in capitals: headings, notices and stressed words are lowered, acronyms are kept."""

import re

from narration.text.abbreviation_tables import ENDING, TITLES
from narration.text.figures import text_before
from narration.text.numerals import roman_value

# Read letter by letter or as a name; in a line of capitals they cannot be recognized otherwise.
_ACRONYMS = frozenset(
    (  # noqa: SIM905 - a page of quoted words would hide the rules
        "AA AAA ABC AC AD AI AIDS AM AP ATM BBC BC BCE BMW CBS CD CE CEO CIA CNN CPU CV DC DIY DJ "
        "DNA DVD EEC EPA ESP EU FAQ FBI FDA FIFA FM GDP GI GMT GNP GPS GPU HIV HMS HQ HTML HTTP "
        "IBM ID IMF IOU IP IQ IRA IRS ISBN IT JFK KGB LA LED LLC LSD MA MBA MD MIT MP MRI NAACP "
        "NASA NATO NBA NBC NFL NGO NHL NHS NSA NY NYC OECD OPEC OSS PA PBS PC PDF PHD PM PS RAF "
        "RAM RCA RNA ROM RSVP SAT SEC SOS SS SUV TNT TV UCLA UFO UK UN UNESCO UNICEF UPS URL US "
        "USA USAF USB USMC USN USS USSR VCR VHS VIP WHO WWI WWII WWF YMCA YWCA ZIP"
    ).split()
) - {
    "AM",
    "IT",
    "US",
    "ID",
    "WHO",
    "LED",
    "RAM",
    "SAT",
    "AIDS",
    "ESP",
    "SEC",
    "MA",
    "PA",
    "ZIP",
    "AD",
    "AP",
    "LA",
}
# Also used for stress in running text, where short words are otherwise taken for acronyms.
_STRESSED = frozenset(
    (  # noqa: SIM905 - as above
        "A ABOUT AFTER AGAIN ALL ALWAYS AM AN AND ANY ANYTHING ARE AS AT BE BECAUSE BEEN"
        " BEFORE BIG "
        "BUT BY CAN CAN'T COME COULD DEAD DEATH DEVIL DID DIDN'T DO DOES DOESN'T DON'T DOWN"
        " EVEN EVER "
        "EVERY EVERYTHING FATHER FIRE FIRST FOR FROM GET GIVE GO GOD GOOD GREAT HAD HAS HAVE"
        " HE HELP "
        "HER HERE HERS HIM HIS HOW IF IN INTO IS ISN'T IT IT'S KNOW LIKE LITTLE LOOK LOVE"
        " MADE MAKE MAN "
        "MANY ME MORE MOST MOTHER MUCH MUST MY NEVER NEW NO NOBODY NONE NOT NOTHING NOW OF"
        " OFF OH OLD "
        "ON ONCE ONE ONLY OR OUR OUT OVER OWN PLEASE REALLY RIGHT RUN SAID SAME SAY SEE SHALL"
        " SHE SHOULD "
        "SO SOME SOMETHING STILL STOP SUCH TAKE TELL THAN THANK THAT THE THEIR THEM THEN"
        " THERE THESE "
        "THEY THIS THOSE TIME TO TOO TRUTH TWO UNDER UP US VERY WAS WAY WE WELL WENT WERE"
        " WHAT WHEN "
        "WHERE WHICH WHO WHOLE WHY WILL WITH WON'T WORD WORK WOULD WRONG YES YET YOU YOUR YOURS"
    ).split()
)  # fmt: skip
# Stressed words that are names when they are among acronyms.
_EITHER = frozenset({"US", "IT", "WHO"})
# As single words the others are the country, the technology, the organisation, a state or a time of
# day.
_ALONE = _STRESSED - {"US", "IT", "WHO", "AM", "IN", "OR", "ME", "OH", "AN", "SO", "GO"}
_REACH = 4  # a sentence's end and the opening marks of the next
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_RUN = re.compile(
    r"(?<![\w.])[^\W\d_a-z]{2,}(?:'[A-Z]{1,2})?"
    r"(?:[ ,-]+[^\W\d_a-z]+(?:'[A-Z]{1,2})?)+(?!\w|\.[A-Z])"
)
_STRESSED_WORD = re.compile(
    r"(?<![\w.&/-])[A-Z]{2,}(?:'[A-Z]{1,2})?(?![\w&/-]|\.\w)"
    r"(?! and [A-HJ-Z]\b(?!'))"  # AT&T, after its sign has been read
)
_LIST = re.compile(", ?|-")
_SMALL_WORD = re.compile(r"(?<![\w'.])[a-z]+(?!\.?\w)")
_CAPITALS = re.compile(r"[A-Z][A-Z]")
_VOWEL = re.compile(r"[AEIOUYÀ-ÖØ-Ý]")
_TITLES = {title.upper(): title for title in [*TITLES, "St", "Ste", "Jr", "Sr", *ENDING]}


def lower_heading(text: str) -> str:
    """Turn a line of capitals into a title: each word capitalized, acronyms unchanged."""
    return _WORD.sub(lambda m: _lower(m, is_title=True), text)


def capitalize_words(text: str) -> str:
    """Capitalize the words that replaced figures in a heading, like the others."""
    return _SMALL_WORD.sub(lambda m: m[0].capitalize(), text)


def lower_stressed(text: str) -> str:
    """Lower words that running text has in capitals; a single one only if it is well known."""
    if not _CAPITALS.search(text):
        return text
    text = _RUN.sub(_lower_run, text)
    return _STRESSED_WORD.sub(_lower_word, text)


def _lower_word(match: re.Match[str]) -> str:
    if match[0] not in _ALONE:
        return match[0]
    return match[0].capitalize() if _is_first(match) else match[0].lower()


def _lower_run(match: re.Match[str]) -> str:
    words = _WORD.findall(match[0])
    names = _names(match, words)
    plain = [word for word in words if not (word in names or _is_kept(word))]
    is_prose = any(word in _STRESSED or len(word) > 4 for word in plain)
    if not is_prose and sum(len(word) == 4 for word in plain) < 2:
        return match[0]  # "the BBC and ITV", "BMW USA"
    lowered = _WORD.sub(lambda m: m[0] if m[0] in names else _lower(m, is_title=False), match[0])
    return lowered[:1].upper() + lowered[1:] if _is_first(match) else lowered


def _is_first(match: re.Match[str]) -> bool:
    """Return whether a sentence begins here."""
    before = text_before(match, _REACH).rstrip("\"'( ")
    return not (before or match.start() > _REACH) or before[-1:] in {".", "!", "?"}


def _names(match: re.Match[str], words: list[str]) -> frozenset[str]:
    """Return the words of a run that are names here, and stressed words elsewhere.

    Such a name is in a list of others, or is the country before a noun: "US, UK", "US NAVY".
    """
    either = _EITHER.intersection(words)
    if not either or _EITHER.issuperset(words):
        return frozenset()
    if not _STRESSED.difference(either).isdisjoint(words):
        return either & {"US"} if re.search(r"\bTHE US\b(?!,)", match[0]) else frozenset()
    items = _LIST.split(match[0])
    alone = either.intersection(items)
    return alone | {"US"} if any(item.startswith("US ") for item in items) else alone


def _lower(match: re.Match[str], *, is_title: bool) -> str:
    word = match[0]
    if len(word) == 1 or _is_kept(word) or not word.isupper():
        return word
    if word in _TITLES and match.string.startswith(".", match.end()):
        return _TITLES[word]
    lowered = word.capitalize() if is_title else word.lower()
    if lowered[1:2] == "'" and len(lowered) > 3:  # O'BRIEN
        return lowered[:2] + lowered[2:].capitalize()
    if lowered.startswith("Mc") and len(lowered) > 3:
        return f"Mc{lowered[2:].capitalize()}"
    return lowered


def _is_kept(word: str) -> bool:
    """Distinguish an acronym or a numeral from a word; what cannot be pronounced is an acronym."""
    if word in _STRESSED or word in _TITLES:
        return False
    return word in _ACRONYMS or roman_value(word) is not None or not _VOWEL.search(word)
