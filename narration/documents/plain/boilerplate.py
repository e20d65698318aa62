"""What producers of e-texts add to a book: licences, credits, imprints; and its metadata.

Knows every form that Project Gutenberg has used since 1991, and Standard Ebooks.
"""

import re
from collections.abc import Iterator, Sequence

from narration.documents.plain.headings import read_heading
from narration.documents.plain.lines import Group
from narration.documents.types import Identifier, Metadata, Skip, SkipReason

_PROJECT = r"Project\s+Gutenberg"
# The text begins after the first of these and ends before the next of the others.
_OPENS = re.compile(
    r"^[^\S\r\n]*(?:"
    rf"\*\*\*[^\S\r\n]*START OF (?:THE|THIS) {_PROJECT}"
    r"(?:[^*\r\n]|(?:\r\n|[\r\n])(?=\S)){0,400}(?:\*+)?"
    r"|\*+[^\S\r\n]*END[^\S\r\n*]*\**[^\S\r\n]*THE SMALL PRINT[^\r\n]*"
    r")",
    re.MULTILINE | re.IGNORECASE,
)
_CLOSES = re.compile(
    r"^[^\S\r\n]*(?:"
    rf"\**[^\S\r\n]*END OF (?:THE |THIS )?{_PROJECT}"
    r"|\*+[^\S\r\n]*START[^\S\r\n*]*\**[^\S\r\n]*THE SMALL PRINT"
    r"|\*+[^\S\r\n]*START: FULL LICENSE"
    rf"|THE FULL {_PROJECT} LICENSE"
    rf"|Section\s+1\.\s+General Terms of Use and Redistributing {_PROJECT}"
    r")[^\r\n]*",
    re.MULTILINE | re.IGNORECASE,
)
_MENTION = re.compile(
    rf"{_PROJECT}|\be-?texts?\b|small print|pglaf|gutenberg\.(?:org|net)", re.IGNORECASE
)
_REMNANT = 4_000  # characters; between two notices there may be a third one
_TOP = 1_500  # characters in which a Project Gutenberg text mentions the project
_CREDIT = re.compile(
    r"(?:(?:this )?(?:e-?text|e-?book|file|text|edition|html(?: version)?|book)s?\b.{0,40}"
    r"\b(?:was |is |were )?(?:prepared|produced|created|typed|scanned|transcribed|proofread|"
    r"digiti[sz]ed|converted|prooved|donated|provided|made available)\b"
    r"|(?:produced|transcribed|prepared|scanned|digiti[sz]ed|typed|proofread|proofed|revised|"
    r"converted|ocr(?:ed)?|html version|html conversion|credits?:|updated:)\b.{0,60}"
    r"(?:\bby\b|\bfrom\b|:|proofread)"
    rf"|(?:the |this )?(?:is the )?{_PROJECT}(?:['’]s)? (?:e-?book|e-?text|edition)\b"
    r"|note:? (?:project gutenberg|images of the original|the original)"
    r"|(?:many |special )?thanks to\b"
    r"|(?:\*+ ?)?this file should be named"
    r"|\W*transcriber(?:'s|s'|s|’s)? notes?\b"
    r"|(?:see|go to) \S*\d+-h)",
    re.IGNORECASE,
)
_PRODUCER = re.compile(
    r"proofread|gutenberg|pgdp|scann|e-?text|e-?book|transcri|volunteer|html|\bocr\b|@|produced|"
    r"digital|internet archive|typed|\.txt|\.htm|public domain",
    re.IGNORECASE,
)
_NOTES_HEADING = re.compile(
    r"\W*transcriber(?:'s|s'|s|’s)? notes?(?: and errata)?\W*|\W*errata\b.{0,40}"
    r"|(?:typographical )?(?:errors|corrections)\b.{0,40}(?:transcriber|e-?text|e-?book)\W*",
    re.IGNORECASE,
)
_IMPRINT = re.compile(
    r"^\W*copyright(?:ed)?\b.{0,40}(?:1[5-9]|20)\d\d|^\W*©|all rights reserved|^\W*ISBN\b|"
    r"printed in (?:the )?(?:u\.? ?s|united|great|england|britain)|^\W*printed (?:by|at)\b|"
    r"^first (?:published|printed|edition)|library of congress|"
    r"entered according to act of congress|no part of this (?:book|publication)|"
    r"^\W*(?:re)?published (?:by|in|\w+,? \d{4})|"
    r"(?:first|second|third|\w{1,12}th) (?:impression|printing|edition),? \w{0,12} ?\d{4}",
    re.IGNORECASE,
)
_STANDARD = re.compile(r"standard ?ebooks", re.IGNORECASE)
_STANDARD_PAGES = frozenset({"imprint", "colophon", "uncopyright"})
_FRONT_GROUPS = 80
_BOX = re.compile(r"[+|][-=|+\s]*|\|.*\|")
_FACT = re.compile(
    r"^(?P<key>Title|Author|Release Date|Language|Translator|Editor|Subtitle):[^\S\r\n]*(?P<value>"
    r"[^\r\n]*(?:(?:\r\n|[\r\n])[^\S\r\n]{2,}[^\s][^\r\n]*){0,4})",
    re.MULTILINE,
)
_NAMED = re.compile(
    rf"{_PROJECT}(?:['’]s)?(?: (?:e-?book|e-?text|edition))?(?: of)?,? "
    r"(?P<title>[^\r\n*]{2,120}?),? by (?P<author>[^\r\n*\[(]{2,80})",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\[(?:EBook|Etext) ?#(\d+)\]", re.IGNORECASE)
_LANGUAGES = {
    "english": "en", "french": "fr", "german": "de", "dutch": "nl", "spanish": "es",
    "italian": "it", "finnish": "fi", "portuguese": "pt", "latin": "la", "swedish": "sv",
    "danish": "da", "hungarian": "hu", "greek": "el", "chinese": "zh", "esperanto": "eo",
    "catalan": "ca", "tagalog": "tl", "japanese": "ja", "norwegian": "no", "polish": "pl",
    "welsh": "cy", "czech": "cs", "russian": "ru", "icelandic": "is",
}  # fmt: skip


def find_notices(source: str) -> list[Skip]:
    """Return header, footer and licence of Project Gutenberg, also between books in one file."""
    marks = sorted(
        [(m.start(), m.end(), True) for m in _OPENS.finditer(source)]
        + [(m.start(), m.end(), False) for m in _CLOSES.finditer(source)]
    )
    if not marks:
        return []
    # A text without an opening mark begins immediately, unless it mentions the project at its top.
    at = None if marks[0][2] or (_MENTION.search(source, 0, _TOP) and len(marks) > 1) else 0
    texts: list[tuple[int, int]] = []
    for start, end, opens in [*marks, (len(source), len(source), False)]:
        if opens:
            at = end
        elif at is not None:
            texts.append((at, start))
            at = None
    return list(_around(source, [text for text in texts if not _is_remnant(source, *text)]))


def read_facts(source: str, notices: Sequence[Skip]) -> Metadata:
    """Return title, author, language and number, as the header gives them."""
    if not notices or notices[0].start > _TOP:
        return Metadata()
    header = source[: notices[0].end]
    facts = {m["key"]: " ".join(m["value"].split()) for m in _FACT.finditer(header)}
    match = _NAMED.search(header)
    number = _NUMBER.search(header)
    title = facts.get("Title") or (match["title"].strip(" ,") if match else None)
    author = facts.get("Author") or (match["author"].strip(" .,") if match else None)
    return Metadata(
        title=title or None,
        authors=tuple(re.split(r" and |; ?", author)) if author else (),
        language=_LANGUAGES.get(facts.get("Language", "").lower()),
        publisher="Project Gutenberg",
        identifiers=(Identifier(scheme="gutenberg", value=number[1]),) if number else (),
    )


def find_credits(groups: Sequence[Group]) -> list[Skip]:
    """Return credits, transcribers' notes and imprints before the text begins and after it ends."""
    indexes = list(_front(groups))
    if len(indexes) == len(groups):
        return []  # a text with nothing else is meant to be read
    indexes += _back(groups, indexes[-1].end if indexes else 0)
    return indexes


def _around(source: str, texts: list[tuple[int, int]]) -> Iterator[Skip]:
    at = 0
    for start, end in [*texts, (len(source), len(source))]:
        stripped = source[at:start].strip()
        if stripped:
            begin = at + len(source[at:start]) - len(source[at:start].lstrip())
            yield Skip(start=begin, end=begin + len(stripped), reason=SkipReason.BOILERPLATE)
        at = end


def _is_remnant(source: str, start: int, end: int) -> bool:
    if end - start > _REMNANT:
        return False
    text = source[start:end]
    return not text.strip() or _MENTION.search(text) is not None


def _front(groups: Sequence[Group]) -> Iterator[Skip]:
    notes = False
    last = _last_notice(groups)
    for index, group in enumerate(groups[:_FRONT_GROUPS]):
        text = group.text
        if index <= last and len(text) > 80:
            yield _skip(group, SkipReason.BOILERPLATE)
            continue
        if notes and not (group.gap > 1 and groups[index - 1].lines[0].indent == 0):
            yield _skip(group, SkipReason.BOILERPLATE)
            notes = group.gap < 3
            continue
        notes = _NOTES_HEADING.fullmatch(text) is not None
        if notes or _is_credit(text) or _is_boxed_note(group):
            yield _skip(group, SkipReason.BOILERPLATE)
        elif _IMPRINT.search(text) and len(text) < 1_500:
            yield _skip(group, SkipReason.COPYRIGHT)
        elif text.lower().strip(" _.") in _STANDARD_PAGES:
            yield from _standard_page(groups, index)
        elif _MENTION.search(text) and len(text) < _REMNANT:
            yield _skip(group, SkipReason.BOILERPLATE)
        elif _is_prose(group) and not _STANDARD.search(text):
            return


def _last_notice(groups: Sequence[Group]) -> int:
    """Return the last paragraph above the title page that is about the edition."""
    last = -1
    for index, group in enumerate(groups[:_FRONT_GROUPS]):
        if read_heading(group.first) is not None or (_is_prose(group) and index - last > 4):
            break
        if _MENTION.search(group.text) and len(group.text) < _REMNANT:
            last = index
    return last


def _is_boxed_note(group: Group) -> bool:
    """Return whether a group is a transcriber's note in a box of bars and dashes."""
    is_boxed = all(_BOX.fullmatch(line.text) for line in group.lines)
    return is_boxed and "transcriber" in group.text.lower()


def _is_credit(text: str) -> bool:
    return (
        len(text) < 1_500
        and _CREDIT.match(text.lstrip("[(_*")) is not None
        and _PRODUCER.search(text) is not None
    )


def _is_prose(group: Group) -> bool:
    """Return whether a group is a sentence with which a book might begin."""
    text = group.text
    return len(text) > 40 and text.rstrip("\"'”’)_")[-1:] in {".", "!", "?", "-"}


def _standard_page(groups: Sequence[Group], index: int) -> Iterator[Skip]:
    """Return a page of Standard Ebooks, as far as it is about itself."""
    last = index
    for at in range(index + 1, min(index + 12, len(groups))):
        if _STANDARD.search(groups[at].text) or _MENTION.search(groups[at].text):
            last = at
    if last > index:
        yield Skip(start=groups[index].start, end=groups[last].end, reason=SkipReason.BOILERPLATE)


def _back(groups: Sequence[Group], position: int) -> Iterator[Skip]:
    """Return everything from a transcriber's closing notes or a producer's closing pages on."""
    for index in range(max(0, len(groups) - _FRONT_GROUPS), len(groups)):
        group = groups[index]
        if group.start < position or len(group.text) > 60:
            continue
        name = group.text.lower().strip(" _.:*[]")
        rest = groups[index + 1 : index + 12]
        is_standard = name in _STANDARD_PAGES and any(_STANDARD.search(g.text) for g in rest)
        if rest and (is_standard or (_NOTES_HEADING.fullmatch(group.text) and group.gap > 1)):
            yield Skip(start=group.start, end=groups[-1].end, reason=SkipReason.BOILERPLATE)
            return


def _skip(group: Group, reason: SkipReason) -> Skip:
    return Skip(start=group.start, end=group.end, reason=reason)
