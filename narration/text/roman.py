"""Roman numerals as words, where no other meaning is likely."""

import re

from narration.text.english import English
from narration.text.numerals import cardinal, ordinal, roman_value, year
from narration.text.rules import RuleSet, apply_all, rule

# Things that are counted: a number follows, in capitals or small letters.
_COUNTED = (
    "Chapter|Book|Part|Volume|Act|Scene|Canto|Section|Stave|Letter|Appendix|Article|Plate|Figure|"
    "Phase|Type|Class|Rocky|War|Wars|Apollo|Bowl|Title|Mark|Table|Page|Verse|Psalm|Sonnet|"
    "Tome|Lesson|Exhibit|Stage|Level|Grade|Category|Schedule|Annex|Fig|Vol|Unit|Ode|Epistle|Track"
)
_COUNTED = f"{_COUNTED}|{_COUNTED.upper()}|{_COUNTED.lower()}"
# Kings and popes, also with a single V or X.
_REGNAL = (
    "Henry|Edward|Louis|George|William|James|Charles|Richard|Elizabeth|John|Napoleon|Philip|"
    "Alexander|Catherine|Frederick|Peter|Ivan|Nicholas|Ferdinand|Leo|Benedict|Gregory|Innocent|"
    "Clement|Paul|Pius|Urban|Francis|Wilhelm|Gustav|Christian|Otto|Leopold|Alfonso|Constantine|"
    "Ramses|Ramesses|Ptolemy|Darius|Cleopatra|Robert|David|Mary|Emmanuel|Rudolf|Rudolph|Maximilian|"
    "Boniface|Julius|Adrian|Hadrian|Martin|Eugene|Sixtus|Alexius|Baldwin|Casimir|Sigismund|Conrad|"
    "Olaf|Haakon|Harald|Harold|Magnus|Canute|Umberto|Victor|Vittorio|Josef|Joseph|Franz|Ludwig|"
    "Nebuchadnezzar|Tiglath-Pileser|Xerxes|Artaxerxes|Antiochus|Mithridates|"
    "Thutmose|Amenhotep|Seti|Selim|Murad|Mehmed|"
    "Suleiman|Pedro|Carlos|Felipe|Sancho|Manuel|Theodore|Justinian|Theodosius|Celestine|Callixtus|"
    "Honorius|Stephen|Bela|Andrew|Ladislaus|Matthias|Eric|Waldemar|Christina|Isabella|Juan|Albert"
)
# Names of others that are passed on to grandsons.
_GIVEN = (
    "Sam|Samuel|Bob|Thomas|Tom|Walter|Arthur|Daniel|Michael|Frank|Fred|Jack|Harry|Howard|Hugh|"
    "Lawrence|Lewis|Oliver|Patrick|Ralph|Raymond|Roger|Ronald|Russell|Stanley|Edgar|Edmund|Edwin|"
    "Ernest|Donald|Douglas|Earl|Clarence|Benjamin|Anthony|Alfred|Adam|Jacob|Joshua|Kenneth|Jerome|"
    "Luther|Mark|Nathaniel|Norman|Oscar|Percy|Rufus|Sidney|Simon|Theodore|Timothy|Tyler|Vincent|"
    "Warren|Wesley|Winthrop|Cyrus|Cornelius|Augustus|Bradley|Brian|Bruce|Calvin|Chester|Clifford|"
    "Dale|Dennis|Gerald|Gilbert|Glenn|Gordon|Herbert|Irving|Isaac|Jay|Jeffrey|Jonathan|Kevin|Larry|"
    "Leonard|Lester|Lloyd|Marshall|Matthew|Maurice|Melvin|Milton|Morgan|Nathan|Neil|"
    "Phillip|Reginald|"
    "Roy|Scott|Spencer|Steven|Stuart|Sylvester|Wallace|Wendell|Willard|Winston|Bill|Jim|"
    "Joe|Mike|Ted"
)
# Things with single small numerals that are not letters: "scene v", but "letter v".
_SMALL = (
    "[Cc]hapter|[Bb]ook|[Pp]art|[Vv]olume|[Aa]ct|[Ss]cene|[Cc]anto|[Ss]ection|[Ss]tave|[Pp]hase|"
    "[Aa]ppendix|[Aa]rticle|[Pp]age"
)
# "the part I read"
_PRONOUN = (
    r"I (?!(?:of|and|to|in|is|was|or|through|begins|ends|deals|covers|has|had|above|below)\b)[a-z]"
)
# Old books put a full stop after a numeral; only before a small letter or a comma is it clear that
# it does not end the sentence.
_POINT = r"(?:\.(?=,| [a-z\d(]))?"
_NOT_NUMERALS = frozenset(
    {
        "MIX",
        "CD",
        "DC",
        "MD",
        "MC",
        "CV",
        "DI",
        "LI",
        "MI",
        "DM",
        "MM",
        "CC",
        "CM",
        "XL",
        "XXX",
        "CI",
        "DVI",
        "DL",
        "LL",
        "XX",
        "LC",
        "MV",
        "CIV",
        "DIV",
        "LIV",
    }
)
_DRIP = r"(?! (?:drips?|lines?|fluids?|bags?|needles?|poles?|tubes?|catheters?|antibiotics?)\b)"
# As single letters these are not numbers, "Section C", except after what comes in hundreds: "Psalm
# C".
_LETTERS = frozenset("CLDMcldm")
_SPELLED = re.compile(r"(?:Psalm|Chapter|Sonnet|Canto|CHAPTER|chapter)s?[ -]\Z")
COUNTED_BEFORE = re.compile(rf"\b(?:{_COUNTED}) \Z")
_CANDIDATE = re.compile(
    r"[IVXLCDM]{2}|[ (-](?:[VXLC]\b|I\b(?! [a-z]|')|[ivxl]{2,}\b|[ivx]\b)|[A-Z][a-z]+ I\b(?!')"
    r"|^(?:[IVXLC]{2,}|[ivxl]{2,})\b|\bthe [IVX]\b|(?:part|book|act|type|volume|section|page) I\b"
)
_ONLY = re.compile(r"([IVXLC]{2,})(\.?)")


def say_roman(text: str, english: English) -> str:
    """Replace Roman numerals by words."""
    if not _CANDIDATE.search(text):
        return text
    only = _ONLY.fullmatch(text)
    if only and (value := roman_value(only[1])):
        return cardinal(str(value)).capitalize() + only[2]
    return apply_all((_RULES,), text, english)


def _cardinal(match: re.Match[str], english: English) -> str:
    value = roman_value(match["roman"].upper())
    if value is None or (match["roman"] in _LETTERS and not _SPELLED.search(match["before"])):
        return match[0]
    return f"{match['before']}{cardinal(str(value), english)}"


def _ordinal(match: re.Match[str], english: English) -> str:
    value = roman_value(match["roman"])
    return match[0] if value is None else f"{match['before']}{ordinal(str(value), english)}"


def _the_ordinal(match: re.Match[str], english: English) -> str:
    value = roman_value(match["roman"])
    if value is None:
        return match[0]
    return f"{match['before']}the {ordinal(str(value), english)}"


def _alone(match: re.Match[str], english: English) -> str:
    """Read a numeral without an introducing word; a long one is a year."""
    text = match["roman"]
    value = roman_value(text)
    if value is None or text in _NOT_NUMERALS:
        return match[0]
    if value > 1000:
        return year(str(value), english) if len(text) > 3 else match[0]
    return cardinal(str(value), english)


_RULES = RuleSet(
    (
        rule(r"(?P<before>\bWorld War )(?P<roman>I{1,3})(?!\w)", _cardinal),
        rule(
            rf"(?P<before>\b(?:{_COUNTED})s?\.?[ -])(?P<roman>(?!{_PRONOUN})[IVXLC]+|"
            rf"[ivxlc]{{2,}})(?![\w'’]|\.\w){_POINT}",
            _cardinal,
        ),
        rule(rf"(?P<before>\b(?:{_SMALL})[ -])(?P<roman>[ivx])(?![\w'’]|\.\w){_POINT}", _cardinal),
        rule(
            r"(?P<before>\b(?:to|and|or|through|"
            r"[-–]) ?)(?P<roman>[IVXLC]{2,})(?=[.,;:)]|$)",
            _cardinal,
        ),
        rule(r"(?P<before>)\b(?P<roman>[IVXLC]+)(?:th|st|nd|rd)\b", _ordinal),
        rule(r"(?P<before>)\b(?P<roman>[IVX]+)(?= [Cc]entur(?:y|ies)\b)", _ordinal),
        rule(
            r"(?P<before>\b(?:King|Queen|Pope|Emperor|Empress|Tsar|Czar|Kaiser|Sultan|"
            r"Prince) [A-Z][a-z]+ )"
            r"(?P<roman>[IVX]+)(?![\w])",
            _the_ordinal,
        ),
        rule(
            rf"(?P<before>\b(?:{_REGNAL}) )(?P<roman>[IVX]{{2,}}|V|X|I(?=[,;:.)]|'s| of | and |"
            rf"$))(?!\w){_POINT}",
            _the_ordinal,
        ),
        rule(
            rf"(?P<before>\b(?:{_GIVEN})(?: [A-Z]\.?)?(?: [A-Z][a-z]+)? )(?P<roman>[IVX]{{2,}})"
            rf"(?!\w){_POINT}",
            _the_ordinal,
        ),
        rule(
            rf"(?P<before>\b(?:{_REGNAL})(?: [A-Z]\.?)? [A-Z][a-z]+ )(?P<roman>II|III|"
            rf"IV)(?!\w){_POINT}",
            _the_ordinal,
        ),
        rule(rf"(?P<before>\b[Tt]he )(?P<roman>[IVX]{{2,}})(?= [A-Za-z]){_DRIP}", _ordinal),
        rule(rf"(?P<before>\b[A-Z][a-z]+ )(?P<roman>[IVX]{{2,}})(?![\w'/&-]){_DRIP}", _cardinal),
        rule(r"(?<![\w.'-])(?P<roman>[IVXLCDM]{3,}|II)(?![\w'&/-]|\.[A-Z])", _alone),
        rule(
            r"(?<=\()(?P<before>)(?P<roman>ii|iii|iv|vi|vii|viii|ix|xi|xii|xiii)(?=\))", _cardinal
        ),
    )
)
