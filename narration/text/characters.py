"""Characters as the model knows them: one kind of quote and of space, nothing invisible."""

import re
import unicodedata

from narration.documents.letters import plain_letters
from narration.text.unspoken import drop_unspoken

# What NFKC would convert badly for a listener, or what sounds better this way.
_SIGNS = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": "'", "‛": "'", "`": "'", "´": "'", "ʼ": "'",
        "‹": '"', "›": '"',
        "“": '"', "”": '"', "„": '"', "‟": '"', "«": '"', "»": '"',
        "…": "...", "№": "No. ",
        "‐": "-", "‑": "-", "‒": "–", "―": "—", "⸺": "——", "⸻": "———", "−": "-",
        "⁃": "-", "﹘": "–",
        "¼": " 1/4", "½": " 1/2", "¾": " 3/4", "⅐": " 1/7", "⅑": " 1/9", "⅒": " 1/10",
        "⅓": " 1/3", "⅔": " 2/3", "⅕": " 1/5", "⅖": " 2/5", "⅗": " 3/5", "⅘": " 4/5", "⅙": " 1/6",
        "⅚": " 5/6", "⅛": " 1/8", "⅜": " 3/8", "⅝": " 5/8", "⅞": " 7/8", "⁄": "/",
        "℃": "°C", "℉": "°F", "º": "°", "¸": "", "¨": "", "¯": "", "Ω": "Ω", "µ": "μ",
        "•": ", ", "·": " ", "‣": ", ", "¦": ", ", "﹣": "-",
    }
)  # fmt: skip
_BRACKETS = str.maketrans({"[": "(", "]": ")", "{": "(", "}": ")", "|": ","})
_BRACKET = re.compile(r"[\[\]{}|`]")
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "So", "Sk"})
_ODD = re.compile(r"[^\x20-Z\\^_a-z~°–—£€¥¢§¶×÷±′″]")
_SUPERSCRIPT = re.compile("[⁻⁺]?(?:[⁰¹²³⁴⁵⁶⁷⁸⁹]+|[ⁿᵐᵏˣʸ])")
# Before a number or after one, not after a variable: 5¹/₂ is five and a half, x²/2 is not a
# fraction.
_RAISED_FRACTION = re.compile(
    r"(?<![^\W\d_])(?<!10)(?<!\))(?P<top>[¹²³⁴⁵⁶⁷⁸⁹][⁰¹²³⁴⁵⁶⁷⁸⁹]?)[/⁄](?P<bottom>[0-9₀-₉]{1,2})(?!\w)"
)
_BOTTOMS = frozenset({3, 4, 5, 6, 8, 16, 32})
_LOWERED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿᵐᵏˣʸ", "0123456789-+nmkxy")
_THIN_GROUP = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))")
_MINUS = re.compile(r"(?<=[\w)]) ?− ?(?=[\d(]|[A-Za-z]\b)")  # not a hyphen, not a range
# A three-em dash stands for a whole name, a two-em dash for the rest of a word.
_NAMELESS = re.compile("(?<![\\w—⸺⸻])⸻(?![\\w—⸺⸻])")
_SPACE = re.compile(r"\s+")
_DOTS = re.compile(r" ?\.(?: ?\.)+")
# What the steps below would change in a text with plain quotes; the rest is found by plain search.
_ODDITY = re.compile(r"[^ !-)+-;=?-Za-z—–]")
_CURLY = re.compile("[‘’“”]")


def plain_quotes(text: str) -> str:
    """Straighten typographic quotes, which is all that most sentences of a book need."""
    if text.isascii() or not _CURLY.search(text):
        return text
    return text.replace("’", "'").replace("“", '"').replace("”", '"').replace("‘", "'")


def clean_characters(text: str) -> str:
    """Reduce quotes, ligatures, spaces and signs to the few forms the model was trained on."""
    if _is_clean(text):
        return text
    text = drop_unspoken(text)
    if not text.isascii():
        text = _NAMELESS.sub("Blank", text)
        text = _MINUS.sub(" minus ", _THIN_GROUP.sub(",", text))
        text = _RAISED_FRACTION.sub(_raised_fraction, text)
        text = _SUPERSCRIPT.sub(lambda m: f"^{m[0].translate(_LOWERED)}", text)
        primes = text.translate(_SIGNS).replace("′", "\ue000").replace("″", "\ue001")
        text = unicodedata.normalize("NFKC", primes).replace("\ue000", "′").replace("\ue001", "″")
        text = plain_letters(text)
    if _BRACKET.search(text):
        text = text.replace("`", "'").translate(_BRACKETS)
    if _ODD.search(text):
        text = unicodedata.normalize("NFC", _ODD.sub(_replace_odd, text))
    text = _SPACE.sub(" ", text).strip()
    return _DOTS.sub("...", text)


def _raised_fraction(match: re.Match[str]) -> str:
    """Rewrite a fraction of superscript and subscript figures, separated from its whole number."""
    top, bottom = (int(unicodedata.normalize("NFKC", figure)) for figure in match.groups())
    is_fraction = top < bottom and (top == 1 or bottom in _BOTTOMS)
    return f" {top}/{bottom}" if is_fraction else match[0]


def _is_clean(text: str) -> bool:
    return not (
        _ODDITY.search(text)
        or "  " in text
        or ".." in text
        or ". ." in text
        or text[:1] == " "
        or text[-1:] == " "
    )


def _replace_odd(match: re.Match[str]) -> str:
    character = match[0]
    if ord(character) in _SIGNS:
        return str(character.translate(_SIGNS))
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in _INVISIBLE - {"So"} else character
