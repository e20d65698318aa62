"""The metadata of a job's files, taken from its plan; the formats decide how to write it.

Both the encoders and the joining of parts use the `Tags` and chapter marks made here.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from narration.jobs.record import Job, JobPlan
from narration.jobs.work import WorkRecord
from narration.storage.interface import Storage
from narration.storage.keys import cover_key
from worker.assembly.types import AUDIOBOOK, ChapterMark, Mark, Picture, Tags


def make_tags(job: Job, plan: JobPlan, *, watermark: str | None, cover: Picture | None) -> Tags:
    """Return the metadata of the work, its narrator, and its sound."""
    work = plan.work or WorkRecord()
    return Tags(
        title=job.title,
        author=job.author,
        narrator=work.narrator,
        genre=AUDIOBOOK,
        date=work.date,
        description=work.description,
        publisher=work.publisher,
        series=work.series,
        series_position=work.series_position,
        isbn=next((each.value for each in work.identifiers if each.scheme == "isbn"), None),
        cover=cover,
        watermark=watermark,
    )


def read_cover(store: Storage, job: Job, plan: JobPlan) -> Picture | None:
    """Fetch the cover that planning has stored.

    Raises: StorageUnavailable; OutputError if it is gone.
    """
    work = plan.work or WorkRecord()
    if work.cover is None:
        return None
    return Picture(data=store.get(cover_key(job.id)), media_type=work.cover)


def mark_chapters(plan: JobPlan, marks: Sequence[Mark]) -> list[ChapterMark]:
    """Return where each chapter starts, under a title that is unique among them."""
    pairs = [(chapter.part, chapter.title) for chapter in plan.chapters]
    starts = [marks[chapter.first_chunk].start for chapter in plan.chapters]
    titles = flat_titles(pairs)
    return [
        ChapterMark(title=title, start=start) for title, start in zip(titles, starts, strict=True)
    ]


def flat_titles(chapters: Iterable[tuple[str, str]]) -> list[str]:
    """Flatten parts and chapters into one level, because players show a single list.

    The first chapter of a part gets the part's name in its title, and so does every chapter whose
    title occurs in several parts ("Chapter I").
    """
    pairs = list(chapters)
    counts = Counter(title for _, title in pairs)
    titles: list[str] = []
    before = ""
    for part, title in pairs:
        is_named = bool(part) and part != title and (part != before or counts[title] > 1)
        titles.append(f"{part}: {title}" if is_named else title)
        before = part
    return titles
