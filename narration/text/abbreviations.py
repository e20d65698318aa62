"""Abbreviations: what they stand for, and which of them may end a sentence."""

import re
from collections.abc import Callable

from narration.text.numerals import cardinal, ordinal, roman_value

# Stands before a name, a number or another word: its full stop never ends a sentence.
TITLES = {
    "Mr": "Mister", "Mrs": "Missus", "Ms": "Miss", "Messrs": "Messieurs", "Mme": "Madame",
    "Mlle": "Mademoiselle", "Dr": "Doctor", "Drs": "Doctors", "Prof": "Professor",
    "Rev": "Reverend", "Revd": "Reverend", "Hon": "Honorable", "Capt": "Captain",
    "Cpt": "Captain", "Col": "Colonel", "Gen": "General", "Lt": "Lieutenant", "Maj": "Major",
    "Sgt": "Sergeant", "Cpl": "Corporal", "Pvt": "Private", "Adm": "Admiral",
    "Cmdr": "Commander", "Sen": "Senator", "Gov": "Governor", "Pres": "President",
    "Supt": "Superintendent", "Insp": "Inspector", "Mt": "Mount", "Ft": "Fort",
}  # fmt: skip
# Only before a digit; else "no." and "fig." are words at the end of a sentence.
NUMBERED = {
    "No": "number", "no": "number", "Nos": "numbers", "nos": "numbers", "Vol": "volume",
    "vol": "volume", "vols": "volumes", "p": "page", "pp": "pages", "ch": "chapter",
    "Ch": "Chapter", "fig": "figure", "Fig": "Figure", "sec": "section", "Sec": "Section",
    "art": "article", "c": "circa", "Art": "Article",
}  # fmt: skip
# In the middle of a sentence, whatever follows.
INNER = {
    "vs": "versus", "viz": "namely", "cf": "compare", "approx": "approximately", "ca": "circa",
    "esp": "especially", "incl": "including", "e.g": "for example", "i.e": "that is",
    "eg": "for example", "ie": "that is",
}  # fmt: skip
# May end a sentence: the full stop is kept there.
ENDING = {
    "etc": "et cetera", "Jr": "Junior", "Sr": "Senior", "Esq": "Esquire",
    "Inc": "Incorporated", "Ltd": "Limited", "Co": "Company", "Corp": "Corporation",
    "Bros": "Brothers", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "dept": "department",
    "Dept": "Department", "est": "established", "al": "al", "ibid": "ibidem",
    "Ph.D": "P H D", "Jan": "January", "Feb": "February", "Aug": "August", "Sept": "September",
    "Oct": "October", "Nov": "November", "Dec": "December", "tel": "telephone", "ed": "edition",
}  # fmt: skip


def _alternatives(table: dict[str, str]) -> str:
    return "|".join(re.escape(short) for short in sorted(table, key=len, reverse=True))


_TITLE = re.compile(rf"(?<![\w.'-])({_alternatives(TITLES)})\.(?:(?=[A-Z(])| )")
_BARE_TITLE = re.compile(r"(?<![\w.'-])(Mr|Mrs|Dr|Mme|Mlle)(?= [A-Z])")
_NUMBERED = re.compile(
    rf"(?<![\w.'-])({_alternatives(NUMBERED)})\. ?(?=\d|[IVXLC]{(2,)}\b)"
)  # not "No. I will not"
_INNER = re.compile(rf"(?<![\w.'-])({_alternatives(INNER)})\.,?(?!\w)")
_ENDING = re.compile(rf"(?<![\w.'-])({_alternatives(ENDING)})\.(?!\w)")
_STREET = re.compile(r"(?<=[a-z\d]) (St|Dr)\.?(?=,| [a-z]|[.!?]?[\"')]*$)")
_SAINT = re.compile(r"(?<![\w.'-])(?:St|Ste)\.? ?(?=[A-Z][a-z])")
_SPACED_INITIALS = re.compile(r"(?<![\w.'-])((?:[A-Z]\. ?){1,4})(?=[A-Z][a-z'])")
_DOTTED = re.compile(r"(?<![\w.'-])(?:[A-Za-z]\.){2,}(?!\w)")
_AND_SO_ON = re.compile(r"&c\.")
_KEPT_DOTTED = frozenset({"a.m.", "p.m."})

_COUNTED = (
    "Chapter|CHAPTER|Book|BOOK|Part|PART|Volume|VOLUME|Act|ACT|Scene|SCENE|Canto|CANTO|Section|SECTION|Stave|STAVE|"
    "Letter|LETTER|Appendix|APPENDIX|Article|Plate|Figure|Phase|Type|Class|Rocky|War|Apollo|chapter|"
    "book|part|volume|act|scene|canto|section|figure|page"
)
_REGNAL = (
    "Henry|Edward|Louis|George|William|James|Charles|Richard|Elizabeth|John|Napoleon|Philip|"
    "Alexander|Catherine|Frederick|Peter|Ivan|Nicholas|Ferdinand|Leo|Benedict|Gregory|Innocent|"
    "Clement|Paul|Pius|Urban|Francis|Wilhelm|Gustav|Christian|Otto|Leopold|Alfonso|Constantine|"
    "Ramses|Ptolemy|Darius|Cleopatra|Robert|David|Mary|Victor Emmanuel|Rudolf|Maximilian|Boniface"
)
_CHAPTER_ROMAN = re.compile(rf"\b({_COUNTED}) ([IVXLC]+)\b(?!')")
_REGNAL_ROMAN = re.compile(rf"\b({_REGNAL}) ([IVX]{{2,}}|V|X|I(?=[,;:.)]|'s| of | and ))\b")
_ONLY_ROMAN = re.compile(r"([IVXLC]{2,})(\.?)")


def say_roman(text: str) -> str:
    """Replace Roman numerals where no other reading is likely."""
    only = _ONLY_ROMAN.fullmatch(text)
    if only and (value := roman_value(only[1])):
        return cardinal(str(value)).capitalize() + only[2]
    text = _CHAPTER_ROMAN.sub(lambda m: _roman(m, cardinal), text)
    return _REGNAL_ROMAN.sub(lambda m: _roman(m, ordinal, "the "), text)


def say_abbreviations(text: str) -> str:
    """Replace abbreviations by what they stand for; one that ends the text keeps its full stop."""
    text = _BARE_TITLE.sub(lambda m: TITLES[m[1]], text)
    if "." not in text:
        return text
    text = _AND_SO_ON.sub(lambda m: _keep_stop(m, "et cetera"), text)
    text = _NUMBERED.sub(lambda m: f"{NUMBERED[m[1]]} ", text)
    text = _STREET.sub(_street, text)
    text = _SAINT.sub("Saint ", text)
    text = _TITLE.sub(lambda m: f"{TITLES[m[1]]} ", text)
    text = _INNER.sub(lambda m: INNER[m[1]] + ("," if m[0].endswith(",") else ""), text)
    text = _ENDING.sub(lambda m: _keep_stop(m, ENDING[m[1]]), text)
    text = _DOTTED.sub(_dotted, text)
    return _SPACED_INITIALS.sub(lambda m: " ".join(re.findall("[A-Z]", m[1])) + " ", text)


def _roman(match: re.Match[str], say: Callable[[str], str], article: str = "") -> str:
    value = roman_value(match[2])
    return match[0] if value is None else f"{match[1]} {article}{say(str(value))}"


def _street(match: re.Match[str]) -> str:
    name = " Street" if match[1] == "St" else " Drive"
    return _keep_stop(match, name) if match[0].endswith(".") else name


def _dotted(match: re.Match[str]) -> str:
    if match[0] in _KEPT_DOTTED:
        return match[0]
    if match[0] == "e.g." or match[0] == "i.e.":
        return INNER[match[0][:-1]]
    return _keep_stop(match, match[0].replace(".", " ").strip().upper())


def _keep_stop(match: re.Match[str], words: str) -> str:
    is_last = not match.string[match.end() :].strip("\"')")
    return f"{words}." if is_last else words
