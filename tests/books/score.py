"""Score chapters against the books' own contents: python tests/books/score.py FOLDER LIST.

FOLDER holds the books as tests/books/pack.py names them. Boundaries are equal if every line of
the contents begins a chapter and nothing else does; names are equal if each of those chapters
bears the title of its line. Lines that lead to skipped text do not count, and lines with
hardly any text between them (a part and its first chapter) count as one.
"""

import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from narration.documents.read import read_document
from narration.documents.types import Document
from narration.errors import DocumentError
from tests.books.contents import Book, Line, bare, read_contents
from tests.books.pack import read_list

LEAST_LINES = 4
_NEAR = 160  # letters and digits: the longest heading that may precede its own anchor
_UNHEARD = re.compile(
    r"(?:half ?-?title ?page|title ?page|cover.*|imprint|colophon|uncopyright|copyright.*|"
    r"(?:table of )?contents|(?:list of )?(?:illustrations|figures|tables|maps|plates)|landmarks|"
    r"(?:\w+ )?index.*|(?:foot|end)?notes\b.*|図表一覧|注釈一覧|"
    r".*transcriber.*|.*project gutenberg.*)\W*",
    re.IGNORECASE,
)


@dataclass
class Score:
    """The result for one book."""

    name: str
    lines: int = 0
    chapters: int = 0
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    misnamed: list[tuple[str, str]] = field(default_factory=list)


def score(path: Path) -> Score | None:
    """Compare a book's chapters with its contents; None if these have too few lines."""
    book = read_contents(path)
    groups = list(_groups(book))
    if len(groups) < LEAST_LINES:
        return None
    document = read_document(path.read_bytes(), name=path.name)
    found = list(_places(document, book.text))
    result = Score(path.name, len(groups), len(document.chapters))
    taken: set[int] = set()
    for group in groups:
        near = [i for i, place in enumerate(found) if any(_is_near(place, x.place) for x in group)]
        if group is groups[0] and not near:  # a title page may precede it
            near = [i for i, place in enumerate(found) if place <= group[0].place][-1:]
        taken.update(near)
        if not near:
            result.missing.append(group[-1].title)
            continue
        titles = {bare(line.title) for line in group}
        names = [document.chapters[i] for i in near]
        if not any(bare(c.title) in titles or bare(c.part + c.title) in titles for c in names):
            result.misnamed.append((group[-1].title, names[-1].title))
    first = groups[0][0].place
    counted = {line for group in groups for line in group}
    result.extra = [
        document.chapters[i].title
        for i, place in enumerate(found)
        if i not in taken and place >= first and _line_at(book, place) in counted
    ]
    return result


def _groups(book: Book) -> Iterator[list[Line]]:
    """Return the lines of text that is read, merged if there is hardly any text between them."""
    lines = sorted(book.lines, key=lambda line: (line.place, line.depth))
    if not lines:
        return
    unheard = _under_unheard(book)
    heard = [
        (line, end)
        for line, end in zip(lines, [*[x.place for x in lines[1:]], len(book.text)], strict=True)
        if line.title and line not in unheard and line.name not in book.silent
    ]
    group: list[Line] = []
    for line, end in heard:
        if group and line.place - group[-1].place > _NEAR:
            yield group
            group = []
        if (end > line.place or group) and not _is_imprint(book.text[line.place : end]):
            group.append(line)
    if group:
        yield group


def _line_at(book: Book, place: int) -> Line:
    """Return the line of the contents that a place belongs to."""
    return max((line for line in book.lines if line.place <= place + _NEAR), key=lambda x: x.place)


def _is_imprint(text: str) -> bool:
    signs = ("allrightsreserved", "isbn", "copyright", "creativecommons", "publicdomain", "発行")
    return len(text) < 4000 and sum(sign in text for sign in signs) > 1


def _under_unheard(book: Book) -> set[Line]:
    """Return lines that do not count, and the lines below them."""
    lines: set[Line] = set()
    depth: int | None = None
    for line in book.lines:
        if depth is not None and line.depth > depth:
            lines.add(line)
            continue
        depth = line.depth if _UNHEARD.fullmatch(line.title) else None
        if depth is not None:
            lines.add(line)
    return lines


def _is_near(place: int, other: int) -> bool:
    return abs(place - other) <= _NEAR


def _places(document: Document, text: str) -> Iterator[int]:
    """Return where chapters begin in the bare text; the reader may have changed it a little."""
    about = position = 0
    for chapter in document.chapters:
        runs = [run for block in chapter.blocks[:8] for run in block.runs]
        start = runs[0].start
        shown = bare(document.source[start : start + 800])
        read = bare("".join(document.source[run.start : run.end] for run in runs[:40]))
        attempts = [words[:size] for size in (200, 60, 30, 15, 8) for words in (shown, read)]
        about += len(bare(document.source[position:start]))
        position = start
        yield next(
            (place for words in attempts if (place := _nearest(text, words, about)) >= 0), -1
        )


def _nearest(text: str, words: str, about: int) -> int:
    """Return the occurrence of words that is closest to a place; -1 if there is none."""
    after, before = text.find(words, about), text.rfind(words, 0, about + len(words))
    return min(
        (at for at in (after, before) if at >= 0), key=lambda at: abs(at - about), default=-1
    )


def main(folder: Path, listed: Path) -> int:
    """Print a line for each book, and the shares."""
    scores: list[Score] = []
    began = time.monotonic()
    for entry in read_list(listed):
        path = folder / entry.file_name
        try:
            result = score(path)
        except (DocumentError, OSError) as error:
            print(f"FAILED {entry.file_name}: {error}")
            scores.append(Score(entry.file_name, missing=["all"], misnamed=[("all", "")]))
            continue
        if result is None:
            print(f"too few lines of contents: {entry.file_name}")
            continue
        scores.append(result)
        is_equal = not result.missing and not result.extra
        marks = ("equal" if is_equal else "UNEQUAL", "MISNAMED" if result.misnamed else "named")
        print(
            f"{', '.join(marks)}: {result.name} ({result.lines} lines, {result.chapters} chapters)"
        )
        for label, items in (("missing", result.missing), ("extra", result.extra)):
            print("".join(f"    {label}: {item}\n" for item in items[:6]), end="")
        print("".join(f"    named: {a!r} is {b!r}\n" for a, b in result.misnamed[:6]), end="")
    equal = sum(not s.missing and not s.extra for s in scores)
    named = sum(not s.misnamed and not s.missing for s in scores)
    total = max(len(scores), 1)
    print(f"{total} books in {time.monotonic() - began:.0f} s")
    print(f"boundaries equal: {equal} ({equal / total:.1%})")
    print(f"names equal: {named} ({named / total:.1%})")
    return 0 if equal >= 0.95 * total and named >= 0.92 * total else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
