"""Words divided at the end of a line: "some-" / "thing" is one word, "steam-" / "ship" two.

The rest of the text decides; without evidence the hyphen stays, which cannot be heard.
"""

import re
from collections import Counter

# Begins at a word's first letter and never backtracks, so a long word is scanned once.
_DIVIDED = re.compile(r"(?<![^\W\d_])([^\W\d_]{2,}+)-[^\S\r\n]*+[\r\n]\s*+([^\W\d_]{2,}+)")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_PIECE = re.compile(r"[^\W\d_]+")
# Endings that are not words themselves, so that the text before the hyphen is half a word.
_SUFFIXES = re.compile(
    r"(?:[^aeiouy]*$"
    r"|[a-z]{0,4}(?:tions?|sions?|cian|tial|cial|tures?|ble|bly|ness|ments?|mently|ity|ities|"
    r"ical|ically|ously|ences?|ances?|ency|ancy|istic|ative)$"
    r"|[a-z]{0,3}(?:ings?|ingly|ed|edly|ers?|est|ists?|ism|ive|ively|i[sz]e|i[sz]ed|ous|ary|ery|"
    r"ory|ate|ated|ating|ly|al|ally|ular|dom|hood|teen)$"
    r"|(?:self|selves|thing|body|where|ever|how|times)$)"
)
_WORDS_LIKE_SUFFIXES = frozenset(
    [
        "ship",
        "self",
        "body",
        "thing",
        "where",
        "how",
        "ever",
        "times",
        "king",
        "ring",
        "sing",
        "wing",
        "bring",
        "thing",
        "spring",
        "string",
        "sting",
        "cling",
        "fling",
        "sling",
        "swing",
        "bed",
        "red",
        "led",
        "fed",
        "shed",
        "fled",
        "sped",
        "bred",
        "best",
        "rest",
        "test",
        "west",
        "nest",
        "pest",
        "guest",
        "quest",
        "fly",
        "ply",
        "sly",
        "able",
        "table",
        "cable",
        "fable",
        "bible",
        "late",
        "date",
        "gate",
        "mate",
        "rate",
        "state",
        "plate",
        "fate",
        "hate",
        "slate",
        "crate",
        "skate",
        "list",
        "mist",
        "fist",
        "twist",
        "wrist",
        "city",
        "pity",
        "deal",
        "meal",
        "real",
        "seal",
        "heal",
        "her",
        "over",
        "under",
        "never",
        "water",
        "after",
        "paper",
        "number",
        "fence",
        "hence",
        "pence",
        "dance",
        "chance",
        "glance",
        "lance",
        "trance",
        "prance",
        "five",
        "live",
        "dive",
        "drive",
        "hive",
        "size",
        "rise",
        "wise",
        "house",
        "nation",
        "station",
        "motion",
        "notion",
        "ration",
        "lotion",
        "picture",
        "mixture",
        "nature",
        "future",
        "stature",
        "culture",
        "lecture",
        "moment",
        "torment",
    ]
)
_WHOLE = frozenset(
    [
        "something",
        "nothing",
        "anything",
        "everything",
        "somebody",
        "nobody",
        "anybody",
        "everybody",
        "someone",
        "anyone",
        "everyone",
        "somewhere",
        "nowhere",
        "anywhere",
        "everywhere",
        "somehow",
        "anyhow",
        "sometimes",
        "himself",
        "herself",
        "itself",
        "themselves",
        "myself",
        "yourself",
        "ourselves",
        "yourselves",
        "oneself",
        "into",
        "onto",
        "upon",
        "within",
        "without",
        "however",
        "whatever",
        "whoever",
        "wherever",
        "whenever",
        "whichever",
        "moreover",
        "therefore",
        "although",
        "already",
        "always",
        "almost",
        "altogether",
        "another",
        "because",
        "before",
        "behind",
        "beside",
        "besides",
        "between",
        "beyond",
        "against",
        "among",
        "around",
        "about",
        "above",
        "across",
        "along",
        "afternoon",
        "perhaps",
        "understand",
        "understood",
        "indeed",
        "instead",
        "together",
        "tomorrow",
        "today",
        "yesterday",
        "tonight",
        "meanwhile",
        "otherwise",
        "forward",
        "toward",
        "towards",
        "afterwards",
        "backwards",
        "outside",
        "inside",
        "throughout",
        "nevertheless",
        "friendship",
        "hardship",
        "worship",
        "gentleman",
        "gentlemen",
        "woman",
        "women",
        "household",
        "husband",
    ]
)


class Divisions:
    """Decides whether two halves are one word, by how the text writes it elsewhere."""

    def __init__(self, source: str) -> None:
        # Halves that count as words only because a line ends there.
        divided: Counter[str] = Counter()
        candidates: set[str] = set()
        for match in _DIVIDED.finditer(source):
            first, second = match[1].lower(), match[2].lower()
            divided.update((first, second))
            candidates |= {first + second, f"{first}-{second}"}
        self._seen: set[str] = set()
        if candidates:
            candidates |= set(divided)
            counts = Counter(word for word in _WORD.findall(source.lower()) if word in candidates)
            self._seen = {word for word, count in counts.items() if count > divided[word]}

    def is_one_word(self, first: str, second: str) -> bool:
        """Return whether the hyphen comes from the typesetting, not from the author."""
        first, second = first.lower(), second.lower()
        whole = first + second
        if whole in self._seen or whole in _WHOLE:
            return True
        if f"{first}-{second}" in self._seen:
            return False
        if second in self._seen and first in self._seen:
            return False
        return second not in _WORDS_LIKE_SUFFIXES and _SUFFIXES.match(second) is not None
