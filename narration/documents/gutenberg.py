"""What Project Gutenberg adds to a book: its notices, credits and licence."""

import re
from collections.abc import Sequence

_START = re.compile(r"\*{3}\s*START OF (?:THE|THIS) PROJECT GUTENBERG", re.IGNORECASE)
_END = re.compile(
    r"\*{3}\s*END OF (?:THE|THIS) PROJECT GUTENBERG|^\s*End of (?:the |this )?Project Gutenberg",
    re.IGNORECASE,
)
_HEAD = re.compile(r"Project Gutenberg(?:'s|’s)? (?:EBook|License|Literary)", re.IGNORECASE)
_LICENCE = re.compile(
    r"Project Gutenberg(?:™|-tm)? (?:License|electronic works?|Literary Archive)|"
    r"www\.gutenberg\.(?:org|net)|START: FULL LICENSE",
    re.IGNORECASE,
)
_CREDITS = re.compile(
    r"(?:Produced|Transcribed|Prepared|Scanned|E-?text prepared) (?:by|from the .{0,80}edition)\b|"
    r"\[?Transcriber['’]s notes?\b|.{0,60}\bDistributed Proofread",
    re.IGNORECASE,
)
_LONGEST_CREDITS = 600
_FRONT_PARAGRAPHS = 40


def boilerplate(texts: Sequence[str]) -> list[bool]:
    """Return which paragraphs of a book were added by Project Gutenberg."""
    flags = [False] * len(texts)
    front = range(min(len(texts), _FRONT_PARAGRAPHS))
    start = next((i for i in front if _START.search(texts[i])), None)
    if start is None and texts and any(_HEAD.search(text) for text in texts[:3]):
        start = next((i for i in reversed(front) if _LICENCE.search(texts[i])), None)
    body = 0 if start is None else start + 1
    flags[:body] = [True] * body
    end = next((i for i in range(body, len(texts)) if _END.search(texts[i])), None)
    if end is not None:
        flags[end:] = [True] * (len(texts) - end)
    for i in range(body, min(body + 12, len(texts))):
        if len(texts[i]) <= _LONGEST_CREDITS and _CREDITS.match(texts[i]):
            flags[i] = True
    return flags
