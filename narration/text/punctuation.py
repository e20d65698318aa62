"""Punctuation for the model: commas for dashes, one mark where there were several."""

import re

_CLOSING_DASH = re.compile(r"(?<![— –-])[ ]*+(?:—|--)[— –-]*+(?=[\"']+(?:[\s,;:)]|$))")
_STOP_DASH = re.compile(r"(?<=[.!?])([\"')]*+) *(?:—|--)[—– -]*(?=\w|[\"'(]\w)")
_DASH = re.compile(r"(?: *(?:—|--)| [–-](?= ))[—– -]*")
_REPEATED = re.compile(r"([!?])[!?]*([!?])")
_SPACE_BEFORE = re.compile(r" +(?=[,;:!?](?:[\s\"')]|$)|\.(?:[\s\"')]|$))")
_COMMAS = re.compile(r"([,;:(])(?: *,)+")
_COMMA_STOP = re.compile(r"(?<!,),++ *+(?=[.!?;:)])")
_LEADING = re.compile(r"^[\s,;:.!?)]+(?=\w|[\"'(]\w)")
_HOLLOW = re.compile(r"\( *\)|(?<![\w.,!?])\" *\"|\" *\"(?!\w)")
_SPACE = re.compile(r"\s+")

# What the steps of clean_punctuation would change, apart from the ends. Each alternative begins
# with a different character, so that the search can skip to these characters.
UNTIDY = re.compile(
    r"—|–|_|′|″|\t|\n|-(?:-|[\"')]*$)|\ (?:\ |-\ |[,;:!?.](?:[\s\"')]|$))|!(?=[!?])|\?(?=[!?])"
    r"|,\ *[,.!?;:)]|;\ *,|:\ *,|\(\ *[,)]|\"\ *\""
)
_OUTER = frozenset(" ,;:.!?)")


def is_tidy(text: str) -> bool:
    """Return whether the punctuation of a text needs no cleaning."""
    if not text:
        return True
    return text[0] not in _OUTER and not text[-1].isspace() and not UNTIDY.search(text)


# A name or a place that the author withholds: Mr. B——, the town of ——, in 18—.
_TITLE = (
    r"(?:Mr|Mrs|Miss|Ms|Lord|Lady|Sir|Dr|Doctor|Captain|Capt|Colonel|Col|Count|Countess|"
    r"Duke|Duchess|"
    r"Earl|Baron|Baroness|General|Madame|Mme|Mlle|Judge|Major|Professor|Father|Squire|"
    r"Prince|Princess)"
)
_PLACE = r"(?:[Oo]f|[Aa]t|[Ii]n|[Nn]ear|[Ff]rom|to|towards?|through|for)"
_CUT = r"(?:—{1,4}|-{2,6})"
_LONG_CUT = r"(?:—{2,4}|-{3,6})"
_AFTER = r"(?=[\s,.;:!?'\")]|$)"
_INITIAL = re.compile(rf"\b((?:{_TITLE}\.?|{_PLACE}) [A-HJ-Z]){_CUT}{_AFTER}")
_NTH = re.compile(rf"\b([Tt]he ){_LONG_CUT}th\b")  # an unnamed regiment
_SHIRE = re.compile(rf"(?<![\w]){_LONG_CUT}(?=(?:shire|ton|ville|street)\b)")
_BLANK = re.compile(
    rf"\b((?:{_TITLE}\.?|{_PLACE}|the {_TITLE} of) )(?:{_LONG_CUT}|(?<=\. ){_CUT}){_AFTER}"
)
_HIDDEN_YEAR = re.compile(
    rf"\b((?:[Ii]n|of|year|[Ss]ince|[Uu]ntil) (?:the year )?)(1[5-9]){_CUT}{_AFTER}"
)
_HIDDEN_DATE = re.compile(rf"((?:[a-z]|\d(?:st|nd|rd|th)?), )(1[5-9]){_CUT}{_AFTER}")
_OATH = re.compile(
    rf"\b([B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]){_CUT}([b-df-hj-np-tv-xz]{{1,3}})(?![\w—-])"
)
_OATHS = {
    "d-n": "damn", "d-d": "damned", "d-nd": "damned", "d-mn": "damn", "d-l": "devil",
    "h-l": "hell", "h-ll": "hell", "g-d": "god", "b-h": "bitch", "l-d": "lord",
}  # fmt: skip
_HAS_CUT = re.compile("—|--")


def say_omissions(text: str) -> str:
    """Replace dashes that stand for a withheld name by words; other dashes are pauses."""
    if not _HAS_CUT.search(text):
        return text
    text = _HIDDEN_YEAR.sub(r"\1\2 blank", text)
    text = _HIDDEN_DATE.sub(r"\1\2 blank", text)
    text = _OATH.sub(_oath, text)
    text = _INITIAL.sub(r"\1", text)
    text = _SHIRE.sub("Blank-", _NTH.sub(r"\1blank", text))
    return _BLANK.sub(r"\1Blank", text)


def _oath(match: re.Match[str]) -> str:
    words = _OATHS.get(f"{match[1]}-{match[2]}".lower(), f"{match[1]} blank")
    return words.capitalize() if match[1].isupper() else words


def clean_punctuation(text: str) -> str:
    """Turn dashes into commas and tidy up after the other rules."""
    if is_tidy(text):
        return text
    text = text.replace("′", "'").replace("″", '"').replace("_", " ")
    text = _end_dash(text.rstrip())
    text = _STOP_DASH.sub(r"\1 ", _CLOSING_DASH.sub(",", text))
    text = _DASH.sub(", ", text).replace("–", "-")
    text = _REPEATED.sub(_one_mark, _HOLLOW.sub(" ", text))
    text = _SPACE.sub(" ", text)
    text = _SPACE_BEFORE.sub("", text)
    text = _COMMA_STOP.sub("", _COMMAS.sub(r"\1", text))
    return _LEADING.sub("", _SPACE.sub(" ", text)).strip()


def _end_dash(text: str) -> str:
    """Replace a dash at the very end by a full stop: interrupted speech is spoken as an ending."""
    bare = text.rstrip("\"')")
    words = bare.rstrip(" ,;:—–-")
    cut = bare[len(words) :]
    is_dash = "—" in cut or "--" in cut or " –" in cut or " -" in cut
    return f"{words}.{text[len(bare) :]}" if is_dash else text


def _one_mark(match: re.Match[str]) -> str:
    return "?" if "?" in match[0] else "!"
