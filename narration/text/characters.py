"""Characters, as the model knows them: one kind of quote, comma for dash, nothing invisible."""

import re
import unicodedata

# What NFKC would turn into something a listener should not hear, or hears better like this.
_SIGNS = str.maketrans(
    {
        "‘": "'", "’": "'", "‚": "'", "‛": "'", "`": "'", "´": "'", "′": "'", "ʼ": "'",
        "“": '"', "”": '"', "„": '"', "‟": '"', "«": '"', "»": '"', "″": '"', "‹": '"', "›": '"',
        "…": "...", "™": "", "®": "", "©": " copyright ", "№": "No. ", "‰": " per mille ",
        "‐": "-", "‑": "-", "‒": "–", "―": "—", "⸺": "—", "−": "-", "⁃": "-",
        "²": " squared", "³": " cubed", "¼": " 1/4", "½": " 1/2", "¾": " 3/4",
        "⅓": " 1/3", "⅔": " 2/3", "⅛": " 1/8", "⅜": " 3/8", "⅝": " 5/8", "⅞": " 7/8", "⁄": "/",
        "℃": "°C", "℉": "°F", "º": "°", "¸": "", "¨": "", "¯": "",
        "•": ", ", "·": " ", "†": "", "‡": "",
        "[": "(", "]": ")", "{": "(", "}": ")", "|": ", ", "¦": ", ",
    }
)  # fmt: skip
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "So", "Sk"})  # So: emoji and pictures
_ODD = re.compile(r"[^\x20-Z\\^_a-z~°–—£€¥¢§¶×÷±]")
_SPACE = re.compile(r"\s+")
_DOTS = re.compile(r" ?\.(?: ?\.)+")
_EMPHASIS = re.compile(r"[*_~^\\<>]+")
_DASH = re.compile(r"(?: *(?:—|--)| [–-](?= ))[—– -]*")
_END_DASH = re.compile(r"[,;: ]*(?: *(?:—|--)| [–-](?= ))[—– -]*(?=[\"')]*$)")
_REPEATED = re.compile(r"([!?])[!?]*([!?])")
_SPACE_BEFORE = re.compile(r" +(?=[,;:!?](?:[\s\"')]|$)|\.(?:[\s\"')]|$))")
_COMMAS = re.compile(r"([,;:(])(?: *,)+")
_COMMA_STOP = re.compile(r",+ *(?=[.!?;:)])")
_LEADING = re.compile(r"^[\s,;:.!?)]+(?=\w|[\"'(]\w)")
_HOLLOW = re.compile(r"\( *\)|\" *\"")


def clean_characters(text: str) -> str:
    """Bring quotes, ligatures, spaces and signs to the few forms the model was trained on."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_SIGNS))
    if _ODD.search(text):
        text = unicodedata.normalize("NFC", _ODD.sub(_replace_odd, text))
    text = _SPACE.sub(" ", text).strip()
    return _DOTS.sub("...", text)


def clean_punctuation(text: str) -> str:
    """Turn dashes into commas and tidy what the other rules left behind."""
    text = _EMPHASIS.sub(" ", text)
    text = _END_DASH.sub(".", text.rstrip())
    text = _DASH.sub(", ", text).replace("–", "-")
    text = _REPEATED.sub(_one_mark, _HOLLOW.sub(" ", text))
    text = _SPACE.sub(" ", text)
    text = _SPACE_BEFORE.sub("", text)
    text = _COMMA_STOP.sub("", _COMMAS.sub(r"\1", text))
    return _LEADING.sub("", _SPACE.sub(" ", text)).strip()


def _replace_odd(match: re.Match[str]) -> str:
    character = match[0]
    if ord(character) in _SIGNS:
        return _SIGNS[ord(character)]
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in _INVISIBLE else character


def _one_mark(match: re.Match[str]) -> str:
    return "?" if "?" in match[0] else "!"
