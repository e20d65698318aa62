"""Score chapters of plain texts against where they begin: python -m tests.books.score_plain CLONES.

CLONES holds git clones of the repositories that plain_texts.json names, each as OWNER+NAME or
OWNER+NAME/repo. That list, made by hand, has the lines of a text on which its chapters begin
(counted from 0), and a pattern for other divisions that are also correct: prefaces, notes, lists of
persons. A text is correct if the reader begins a chapter at each of these lines and at no other; a
title page may be part of the first.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from narration.documents.decode import decode_text
from narration.documents.plain.reader import read_plain
from narration.documents.types import Chapter

_LINE_END = re.compile(r"\r\n|\r|\n")
_LICENCE = re.compile(
    r"project gutenberg|\be-?texts?\b|pglaf|small print!|electronic works?\b|public domain",
    re.IGNORECASE,
)
_TITLE_PAGE = 1_500  # characters that may stand before a chapter's first line


class Score(NamedTuple):
    """The result for one text."""

    missing: list[str]
    extra: list[str]
    licence: list[str]


def score(source: str, lines: list[int], also: str | None) -> Score:
    """Compare the chapters of a text with the lines on which they begin."""
    starts = [0, *(end.end() for end in _LINE_END.finditer(source)), len(source)]
    chapters = read_plain(source).chapters
    begun: set[int] = set()
    missing = []
    for line in lines:
        first, last = starts[line], starts[line + 1]
        found = next((n for n, c in enumerate(chapters) if _extent(c)[1] > first), None)
        is_own = found is not None and found not in begun
        if found is None or not is_own or not _begins(chapters[found], first, last):
            missing.append(source[first:last].strip())
        else:
            begun.add(found)
    extra = [
        chapter.title
        for number, chapter in enumerate(chapters)
        if number and number not in begun and not (also and re.search(also, chapter.title))
    ]
    spoken = "\n".join(source[r.start : r.end] for c in chapters for b in c.blocks for r in b.runs)
    return Score(missing, extra, [found[0] for found in _LICENCE.finditer(spoken)])


def _extent(chapter: Chapter) -> tuple[int, int]:
    runs = [run for block in chapter.blocks for run in block.runs]
    return runs[0].start, runs[-1].end


def _begins(chapter: Chapter, first: int, last: int) -> bool:
    """Return whether a chapter begins on a line, apart from a title page above it."""
    runs = [run for block in chapter.blocks for run in block.runs]
    before = sum(min(run.end, first) - run.start for run in runs if run.start < first)
    return runs[0].start < last and before <= _TITLE_PAGE


def _show(clones: Path, repository: str, commit: str, path: str) -> bytes:
    clone = clones / repository.replace("/", "+")
    clone = clone / "repo" if (clone / "repo").is_dir() else clone
    command = ["git", "-C", str(clone), "show", f"{commit}:{path}"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def main(clones: Path) -> None:
    """Print a line for each text, and the shares."""
    texts = json.loads((Path(__file__).parent / "plain_texts.json").read_text())
    right = silent = 0
    for text in texts:
        data = _show(clones, text["repository"], text["commit"], text["path"])
        source, _ = decode_text(data, what=text["path"])
        result = score(source, text["chapters"], text.get("also"))
        is_right = not result.missing and not result.extra
        right += is_right
        silent += not result.licence
        details = f"missing {result.missing[:4]} extra {result.extra[:4]}" if not is_right else ""
        spoken = f"licence {result.licence[:4]}" if result.licence else ""
        name = f"{text['repository'].removeprefix('GITenberg/')}/{text['path']}"
        print(
            f"{'right' if is_right else 'WRONG'} {len(text['chapters']):4} {name} {details}{spoken}"
        )
    count = len(texts)
    print(f"chapters right in {right} of {count} texts ({100 * right / count:.0f} %)")
    print(f"no licence spoken in {silent} of {count}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
