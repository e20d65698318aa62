"""Bytes -> text: detect the encoding, and refuse what is not text at all."""

import codecs
import re

from charset_normalizer import from_bytes

from narration.errors import DocumentError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, because it begins with the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MAGIC = (
    (b"%PDF-", "a PDF file"),
    (b"PK\x03\x04", "a ZIP archive (docx, odt and epub are such)"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a RIFF file (wav, webp)"),
    (b"ID3", "an MP3 file"),
    (b"fLaC", "a FLAC file"),
    (b"OggS", "an Ogg file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"{\\rtf", "an RTF document"),
    (b"SQLite format 3", "a database"),
)
_CONTROLS = frozenset(set(range(32)) - {9, 10, 11, 12, 13, 27})
_SAMPLE_BYTES = 65_536
_HEAD_BYTES = 1024
_DECLARED = re.compile(rb"""(?:encoding|charset)\s*=\s*["']?\s*([A-Za-z][\w.:-]{1,40})""")
_SHIFTED = frozenset({"iso-2022-jp", "iso-2022-kr", "hz-gb-2312"})
# Supersets that browsers use for these names, because they are what authors meant.
_BROADER = {"iso-8859-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252", "gb2312": "gb18030"}
_REFUSED = frozenset({"utf-7", "idna", "punycode", "unicode_escape", "raw_unicode_escape"})
_CONTROL_SHARE = 0.01  # text has almost no control bytes; compressed data has about 10 %


def decode_text(data: bytes, *, what: str) -> tuple[str, str]:
    """Return the text and the name of its encoding.

    Raises: DocumentError for a binary file, or an encoding that cannot be determined.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strict(data, encoding, what)
    _refuse_binary(data, what)
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return _detect(data, what)


def _strict(data: bytes, encoding: str, what: str) -> tuple[str, str]:
    try:
        return data.decode(encoding), encoding
    except UnicodeDecodeError as error:
        raise DocumentError(
            f"{what} says it is {encoding} but byte {error.start} is not: save it as UTF-8"
        ) from error


def _refuse_binary(data: bytes, what: str) -> None:
    for magic, kind in _MAGIC:
        if data.startswith(magic) and (len(magic) > 3 or _control_share(data) > _CONTROL_SHARE):
            raise DocumentError(f"{what} is {kind}, not text: send plain text or markdown")
    if b"\0" in data[:_SAMPLE_BYTES] or _control_share(data) > _CONTROL_SHARE:
        raise DocumentError(f"{what} is binary data, not text: send plain text or markdown")


def _control_share(data: bytes) -> float:
    sample = data[:_SAMPLE_BYTES]
    return sum(byte in _CONTROLS for byte in sample) / max(len(sample), 1)


def _detect(data: bytes, what: str) -> tuple[str, str]:
    """Guess from a sample; the guess must hold for the whole text."""
    best = from_bytes(data[:_SAMPLE_BYTES]).best()
    if best is not None:
        try:
            return data.decode(best.encoding), best.encoding
        except UnicodeDecodeError:
            best = from_bytes(data).best()
            if best is not None:
                return str(best), best.encoding
    raise DocumentError(f"the encoding of {what} cannot be determined: save it as UTF-8")


def decode_page(data: bytes, *, what: str) -> str:
    """Decode a page or style sheet: as UTF-8, or else in the encoding that it declares.

    Raises: DocumentError for a binary file, or an encoding that cannot be determined.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strict(data, encoding, what)[0]
    match = _DECLARED.search(data[:_HEAD_BYTES])
    declared = match[1].decode("ascii").lower() if match else ""
    if declared in _SHIFTED:  # seven-bit encodings: their bytes are always valid UTF-8
        return _strict(data, declared, what)[0]
    _refuse_binary(data, what)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if declared and _is_text_encoding(declared):
        try:
            return data.decode(_BROADER.get(declared, declared))
        except UnicodeDecodeError:
            pass
    return _detect(data, what)[0]


def _is_text_encoding(name: str) -> bool:
    """Return whether a codec decodes text, as some of Python's do not, and is safe to use."""
    try:
        info = codecs.lookup(name)
    except LookupError:
        return False
    return bool(getattr(info, "_is_text_encoding", False)) and info.name not in _REFUSED
