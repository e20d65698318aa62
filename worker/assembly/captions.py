"""Captions: chunk times and their words -> cues, and cues -> WebVTT or SRT."""

import textwrap
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from narration.text.sentences import split_sentences
from worker.assembly.types import ChapterMark, Cue, Mark
from worker.chatterbox.config import SAMPLE_RATE_HZ

_LINE_CHARS = 42  # the line length that broadcasters recommend; two lines per cue
_CUE_CHARS = 2 * _LINE_CHARS
_VTT_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def cues(captions: Iterable[tuple[Mark, str]]) -> list[Cue]:
    """Make one cue per sentence, several for a long one; a chunk's time is shared by length."""
    return [cue for mark, caption in captions for cue in _chunk_cues(mark, caption)]


def write_vtt(captions: Iterable[Cue], chapters: Sequence[ChapterMark] = ()) -> str:
    """Write cues as WebVTT, with a note where each chapter begins."""
    blocks: list[str] = []
    waiting = deque(chapters)
    for cue in captions:
        while waiting and waiting[0].start / SAMPLE_RATE_HZ <= cue.start_s:
            blocks.append(_note(waiting.popleft().title))
        blocks.append(
            f"{_clock(cue.start_s, '.')} --> {_clock(cue.end_s, '.')}\n"
            f"{_lines(cue.text).translate(_VTT_ESCAPES)}\n"
        )
    return "\n".join(["WEBVTT\n", *blocks])


def write_srt(captions: Iterable[Cue]) -> str:
    """Write cues as SubRip."""
    blocks = [
        f"{number}\n{_clock(cue.start_s, ',')} --> {_clock(cue.end_s, ',')}\n{_lines(cue.text)}\n"
        for number, cue in enumerate(captions, start=1)
    ]
    return "\n".join(blocks)


def _note(title: str) -> str:
    """Return a one-line note; an arrow would end it."""
    return f"NOTE Chapter: {' '.join(title.replace('-->', '->').split())}\n"


def _chunk_cues(mark: Mark, caption: str) -> Iterator[Cue]:
    parts = [part for sentence in split_sentences(caption) for part in _parts(sentence.strip())]
    total = sum(map(len, parts))
    position = 0
    for part in parts:
        start = mark.start + (mark.end - mark.start) * position // total
        position += len(part)
        end = mark.start + (mark.end - mark.start) * position // total
        yield Cue(start_s=start / SAMPLE_RATE_HZ, end_s=end / SAMPLE_RATE_HZ, text=part)


def _parts(sentence: str) -> list[str]:
    """Cut a sentence longer than a cue into parts of similar length, between words."""
    count = -(-len(sentence) // _CUE_CHARS)
    if count <= 1:
        return [sentence] if sentence else []
    width = min(_CUE_CHARS, len(sentence) // count + _LINE_CHARS // 4)
    return _wrap(sentence, width)


def _lines(text: str) -> str:
    return "\n".join(_wrap(text, _LINE_CHARS)) or text


def _wrap(text: str, width: int) -> list[str]:
    """Do what `textwrap.wrap` does, in a tenth of the time if words are only to be kept whole."""
    is_plain = text.isprintable() and "-" not in text and "  " not in text
    if not is_plain or text != text.strip():
        return textwrap.wrap(text, width)
    lines, rest = [], text
    while len(rest) > width:
        end = rest.rfind(" ", 0, width + 1)
        if end < 0:  # a word longer than a line, which is cut
            return textwrap.wrap(text, width)
        lines.append(rest[:end])
        rest = rest[end + 1 :]
    return [*lines, rest] if rest else lines


def _clock(seconds: float, point: str) -> str:
    whole_ms = round(seconds * 1000)
    minutes, ms = divmod(whole_ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{ms // 1000:02}{point}{ms % 1000:03}"
