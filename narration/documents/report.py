"""A report on a document: chapters, words, skipped text with reasons, language, doubtful places.

Meant for people and programs; it decides nothing.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from narration.documents.language import (
    Guess,
    Passage,
    document_language,
    foreign_passages,
    primary,
)
from narration.documents.letters import find_plain_letters
from narration.documents.types import Block, Document, Remark, SkipReason

# Text that no listener misses: symbols, white space, machine-readable data, producers' notices.
_EXPECTED = frozenset(
    {
        SkipReason.BOILERPLATE,
        SkipReason.CONTENTS,
        SkipReason.COPYRIGHT,
        SkipReason.FRONT_MATTER,
        SkipReason.INDEX,
        SkipReason.LEFT_OUT,
        SkipReason.LINE_NUMBER,
        SkipReason.LINK_TARGET,
        SkipReason.MARKUP,
        SkipReason.NAVIGATION,
        SkipReason.NOTE_MARK,
        SkipReason.ORNAMENT,
        SkipReason.PAGE_NUMBER,
        SkipReason.RUBY,
        SkipReason.RUNNING_HEAD,
    }
)
_MOST_SKIPPED = 0.05
# Characters; more than that may be a chapter skipped by mistake.
_USUAL = {SkipReason.COPYRIGHT: 3_000}
_LONG_CHAPTER = 25  # times the usual length; headings in it may have been missed
_LEAST_CHAPTERS = 4
_MOST_EXAMPLES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ChapterReport:
    """A chapter, its part, and its length; `number` counts all chapters of the document from 1."""

    number: int
    title: str
    part: str
    words: int
    characters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownCharacter:
    """A character that the voice cannot speak, how often it occurs, and where first."""

    character: str
    count: int
    start: int
    context: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingReport:
    """The report on one document; `skipped` counts characters by reason."""

    title: str | None
    authors: tuple[str, ...]
    media_type: str
    language: Guess | None
    chapters: tuple[ChapterReport, ...]
    words: int
    characters: int
    skipped: dict[str, int]
    foreign: tuple[Passage, ...]
    unknown: tuple[UnknownCharacter, ...]
    remarks: tuple[Remark, ...]

    @property
    def warnings(self) -> tuple[Remark, ...]:
        """Remarks that a person should check."""
        return tuple(remark for remark in self.remarks if remark.is_warning)


def report_on(
    document: Document,
    *,
    voice_language: str = "en",
    skipped: Mapping[str, int] | None = None,
    unknown: Sequence[UnknownCharacter] = (),
    chosen: Collection[int] | None = None,
) -> ReadingReport:
    """Return the report on a document, for a voice that speaks one language.

    `skipped` counts characters by reason where more is skipped than the reader did; `unknown` are
    the characters that the voice cannot speak. If `chosen` is set, only those chapters count.
    """
    chapters = tuple(list_chapters(document))
    if chosen is not None:
        chapters = tuple(chapter for chapter in chapters if chapter.number in chosen)
        kept = (document.chapters[chapter.number - 1] for chapter in chapters)
        document = replace(document, chapters=tuple(kept))
    language = document_language(document)
    own = language.language if language else voice_language
    report = ReadingReport(
        title=document.metadata.title,
        authors=document.metadata.authors,
        media_type=document.media_type,
        language=language,
        chapters=chapters,
        words=sum(chapter.words for chapter in chapters),
        characters=sum(chapter.characters for chapter in chapters),
        skipped=dict(sorted((_count_skips(document) if skipped is None else skipped).items())),
        foreign=tuple(foreign_passages(document, own)),
        unknown=tuple(unknown),
        remarks=(),
    )
    letters = find_plain_letters(document)
    remarks = (
        *document.remarks,
        *_remarks(report, voice_language),
        *([letters] if letters else []),
    )
    return replace(report, remarks=remarks)


def as_text(report: ReadingReport, lengths: Mapping[int, str] | None = None) -> str:
    """Format a report for people; `lengths` are the durations of chapters by number."""
    return "\n".join(_lines(report, lengths or {})) + "\n"


def _count_skips(document: Document) -> Counter[str]:
    skipped = Counter[str]()
    for skip in document.skips:
        skipped[skip.reason.value] += skip.end - skip.start
    return skipped


def list_chapters(document: Document) -> Iterator[ChapterReport]:
    """Yield the length of each chapter."""
    for number, chapter in enumerate(document.chapters, start=1):
        texts = [_text_of(document, block) for block in chapter.blocks]
        yield ChapterReport(
            number=number,
            title=chapter.title,
            part=chapter.part,
            words=sum(len(text.split()) for text in texts),
            characters=sum(map(len, texts)),
        )


def _text_of(document: Document, block: Block) -> str:
    return "".join(
        document.source[run.start : run.end] if run.reading is None else run.reading
        for run in block.runs
    )


def _remarks(report: ReadingReport, voice_language: str) -> Iterator[Remark]:
    yield from _lost(report)
    if report.language is not None and report.language.language != primary(voice_language):
        yield _warning(
            "other_language",
            f"the text is in another language ({report.language.language}) than the voice speaks "
            f"({primary(voice_language)}): it is narrated only if one insists, and mispronounced",
        )
    if report.unknown:
        examples = " ".join(each.character for each in report.unknown[:_MOST_EXAMPLES])
        count = sum(each.count for each in report.unknown)
        yield _warning(
            "unknown_characters", f"{count:,} characters are unknown to the voice: {examples}"
        )
    if report.foreign:
        kinds = Counter(passage.language for passage in report.foreign)
        examples = ", ".join(f"{language} ({count})" for language, count in kinds.most_common(8))
        first = report.foreign[0]
        yield _warning(
            "foreign_passages",
            f"passages in other languages: {examples}",
            start=first.start,
            end=first.end,
        )
    yield from _doubtful(report)


def _lost(report: ReadingReport) -> Iterator[Remark]:
    """Describe skipped text that a listener may miss."""
    missed = {name: _missed(SkipReason(name), count) for name, count in report.skipped.items()}
    lost = sum(missed.values())
    if lost <= _MOST_SKIPPED * (lost + report.characters):
        return
    share = 100 * lost / (lost + report.characters)
    reasons = ", ".join(
        f"{name} {count:,}"
        for name, count in sorted(report.skipped.items(), key=lambda item: -item[1])
        if missed[name]
    )
    yield _warning(
        "text_skipped", f"{share:.0f} % of the text is not read aloud ({reasons} characters)"
    )


def _missed(reason: SkipReason, count: int) -> int:
    """Return how many characters skipped for a reason exceed what a book usually has of it."""
    if reason in _USUAL:
        return count if count > _USUAL[reason] else 0
    return 0 if reason in _EXPECTED else count


def _doubtful(report: ReadingReport) -> Iterator[Remark]:
    """Yield places where chapters may have been missed."""
    lengths = sorted(chapter.characters for chapter in report.chapters)
    if len(lengths) < _LEAST_CHAPTERS:
        return
    usual = lengths[len(lengths) // 2]
    for chapter in report.chapters:
        if usual and chapter.characters > _LONG_CHAPTER * usual:
            yield Remark(
                text=f'"{chapter.title}" is much longer than the other chapters',
                code="long_chapter",
            )


def _warning(code: str, text: str, start: int | None = None, end: int | None = None) -> Remark:
    return Remark(text=text, code=code, is_warning=True, start=start, end=end)


def _lines(report: ReadingReport, lengths: Mapping[int, str]) -> Iterator[str]:
    yield f"title      {report.title or 'unknown'}"
    yield f"author     {', '.join(report.authors) or 'unknown'}"
    yield f"format     {report.media_type}"
    yield f"language   {_language_line(report)}"
    yield f"words      {report.words:,} in {len(report.chapters):,} chapters"
    part = ""
    for chapter in report.chapters:
        if chapter.part != part:
            part = chapter.part
            yield f"  {part}" if part else ""
        length = f"{lengths[chapter.number]:>12}  " if lengths else ""
        yield f"  {chapter.number:4} {chapter.words:8,} words  {length}{chapter.title}"
    if report.skipped:
        yield "not read"
    for reason, count in sorted(report.skipped.items(), key=lambda item: -item[1]):
        yield f"  {count:10,} characters  {reason.replace('_', ' ')}"
    for remark in report.remarks:
        yield f"{'warning' if remark.is_warning else 'note':10} {remark.text}{_place(remark)}"


def _language_line(report: ReadingReport) -> str:
    guess = report.language
    if guess is None:
        return "unknown: too little text"
    how = (
        "as the document says" if guess.is_told else f"guessed, {100 * guess.confidence:.0f} % sure"
    )
    return f"{guess.language} ({how})"


def _place(remark: Remark) -> str:
    return "" if remark.start is None else f" (from character {remark.start:,})"
