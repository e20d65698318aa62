"""Web addresses, e-mail addresses and file names as words; user names and hashtags."""

import re

from narration.text.abbreviation_tables import ENDING, INNER, NUMBERED, TITLES
from narration.text.english import English
from narration.text.numerals import in_pairs
from narration.text.rules import DIGITS, rule

_SIGNS = {
    ".": " dot ", "/": " slash ", "@": " at ", "-": " dash ", "_": " underscore ", ":": " colon ",
    "?": " question mark ", "&": " and ", "=": " equals ", "#": " hash ", "%": " percent ",
    "+": " plus ", "~": " tilde ", "\\": " backslash ", ",": " comma ", ";": " semicolon ",
    "!": " exclamation mark ", "*": " asterisk ", "$": " dollar ",
}  # fmt: skip
_TOP_LEVEL = (
    "com|org|net|edu|gov|mil|int|info|biz|name|app|dev|io|ai|tv|co|uk|de|fr|nl|eu|ch|"
    "se|jp|cn|ru|au|nz|ca|pl|br|gg|fm|ly"
)
# These are words as well: only where a path or "www." shows that it is an address.
_TOP_LEVEL_WORDS = "us|in|it|me|no|is|at|be|to|es|my|so|am|as|sm"
_SAID_AS_WORDS = frozenset({"co", "me", "us", "it", "in", "is", "be", "to", "no"})
_FILES = (
    "html?|pdf|docx?|xlsx?|pptx?|txt|csv|json|xml|ya?ml|toml|jpe?g|png|gif|svg|webp|"
    "mp[34]|wav|flac|"
    "m4[ab]|ogg|avi|mov|mkv|zip|tar|gz|exe|dll|py|js|ts|css|cpp|java|rs|sh|bat|ini|cfg|log|epub|md"
)
_SPELLED_FILES = frozenset({"html", "htm", "pdf", "csv", "xml", "svg", "css", "js"})
ABBREVIATED = frozenset({*ENDING, *INNER, *NUMBERED, *(title.lower() for title in TITLES)})
_PATH = r"(?::\d{1,5})?(?:[/?#][^\s<>\"()]{0,400}?(?=[.,;:!?'\"]*(?:[\s<>\"()]|$))/?)?"
_HOST = r"(?:[A-Za-z0-9_-]{1,63}\.){1,8}"
_RUN = re.compile(r"\d+|[^\W\d_]+|.", re.DOTALL)
_SCHEME = re.compile(r"^(?:https?://)?(?:www\.)?", re.IGNORECASE)
_HOST_END = re.compile(r"\.([A-Za-z]{2})(?=[/:?#]|$)")
_FILE_END = re.compile(rf"\.({'|'.join(_SPELLED_FILES)})$")


def _address(match: re.Match[str], _: English) -> str:
    bare = _SCHEME.sub("", match[0]).rstrip("/") or match[0]
    bare = _HOST_END.sub(_country, bare)
    bare = _FILE_END.sub(lambda m: f".{' '.join(m[1].upper())}", bare)
    return _say_parts(bare)


def _country(match: re.Match[str]) -> str:
    letters = match[1]
    if letters.lower() in _SAID_AS_WORDS:
        return match[0]
    return f".{' '.join(letters.upper())}"


def _say_parts(text: str) -> str:
    """Read letters as they are, figures separately and signs by their names."""
    words = []
    for run in _RUN.findall(text):
        if run.isascii() and run.isdigit():
            words.append(f" {in_pairs(run)} ")
        else:
            words.append(_SIGNS.get(run, run))
    return re.sub(r"  +", " ", "".join(words)).strip()


def _mail(match: re.Match[str], english: English) -> str:
    return _address(match, english)


def _numeric_host(match: re.Match[str], _: English) -> str:
    parts = match["host"].split(".")
    return " dot ".join(in_pairs(part) for part in parts) + _tail(match["path"])


def _tail(path: str) -> str:
    return f" {_say_parts(path.rstrip('/'))}" if path.rstrip("/") else ""


def _dotted(match: re.Match[str], _: English) -> str:
    """Read node.js: no sentence begins with a small letter, so the full stop is a dot."""
    first = match[0].partition(".")[0]
    return match[0] if first in ABBREVIATED else match[0].replace(".", " dot ")


def _handle(match: re.Match[str], _: English) -> str:
    return f"at {_say_parts(match[1])}"


def _tag(match: re.Match[str], _: English) -> str:
    return f"hash {_say_parts(match[1])}"


WEB = (
    rule(
        r"(?<![\w.+&-])[\w.+&-]{1,64}+@"
        r"(?:[\w-]{1,63}\.){1,8}[A-Za-z][\w-]{1,62}" + _PATH,
        _mail,
        "@",
    ),
    rule(
        r"(?<!\w)(?:https?|ftps?|file|s3|ssh)://[^\s<>\"()]{1,2000}?(?=[.,;:!?'\"]*(?:[\s<>\"()"
        r"]|$))",
        _address,
        ":",
        "/",
    ),
    rule(rf"(?<![\w.@/-])www\.{_HOST}[A-Za-z]{{2,12}}(?!\w){_PATH}", _address, "."),
    rule(
        rf"(?<![\w.@/-])(?P<host>(?:\d{{1,3}}\.){{3}}\d{{1,3}})(?![\w.]?\d)(?P<path>{_PATH})",
        _numeric_host,
        DIGITS,
        ".",
    ),
    rule(rf"(?<![\w.@/-])localhost(?!\w){_PATH}", _address, ":/"),
    rule(
        rf"(?<![\w.@/-]){_HOST}(?:(?:{_TOP_LEVEL})(?![\w.-]\w|\w)|"
        rf"(?:{_TOP_LEVEL_WORDS})(?=[/:]\w)){_PATH}",
        _address,
        ".",
    ),
    rule(rf"(?<![\w.@/])(?:[\w-]{{1,64}}\.){{1,4}}(?:{_FILES})(?![\w.-]\w|\w)", _address, "."),
    rule(r"(?<![\w.@/-])[a-z\d]{2,30}(?:\.[a-z]{2,12}){1,3}(?![\w.]\w|\w)", _dotted, "."),
    rule(
        r"(?<![\w/])(?:\.{0,2}/|"
        r"[A-Za-z]:\\)(?:[\w.-]{1,64}[/\\]){1,16}[\w.-]{0,64}\w",
        _address,
        "/\\",
    ),
    rule(r"(?<![\w@])@([A-Za-z_]\w{0,63})(?!\w)", _handle, "@"),
    rule(r"(?<![\w#&])#([A-Za-z_]\w{0,99})(?!\w)", _tag, "#"),
)
# Each alternative begins with a different character, so that the search can skip to these.
WEB_GUARD = r"@|#|\\|:(?=//)|/(?=\w)|\.(?<=\w\.)(?=[^\W\d]\w)|\.(?<=\d\.)(?=\d+\.\d)|l(?=ocalhost)"
