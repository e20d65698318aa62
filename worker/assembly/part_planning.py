"""Plans one part of a job while the others may still be unspoken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from narration.jobs.part_audio import EncodedPart
from narration.jobs.part_sound import PartSound
from narration.jobs.record import Chunk, Job, Part
from narration.jobs.stored import read_settings
from narration.sound.gain import LevelSetting
from worker.assembly.part_store import PartStore
from worker.assembly.sections import file_breaks
from worker.assembly.sound import (
    PartWork,
    codecs_of,
    levels_of,
    loudness_of,
    plan_work,
    sounds_of,
)
from worker.context import WorkerContext


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWork:
    """One part as planned, among the chunks it needs; `works` has these parts in order."""

    chunks: Sequence[Chunk]
    works: Sequence[PartWork]
    number: int
    store: PartStore

    @property
    def work(self) -> PartWork:
        """What to encode of the part itself."""
        return self.works[self.number]

    @property
    def takes(self) -> dict[int, str]:
        """The SHA-256 of the takes it is encoded from, by the number of the chunk."""
        return {chunk.index: chunk.sha256 or "" for chunk in self.chunks}

    def sound(self, encoded: Mapping[str, EncodedPart]) -> PartSound | None:
        """Return what listeners get of the part once it is encoded."""
        return sounds_of(self.works, self.chunks, encoded)[self.number]


def plan_one(
    context: WorkerContext,
    job: Job,
    part: Part,
    chunks: Sequence[Chunk],
    cuts: Sequence[int],
    *,
    is_for_delivery: bool = False,
) -> PlannedWork:
    """Plan a part from the chunks it needs, whose levels are known, and the cuts among them."""
    assert job.gain_db is not None, "parts are only claimed once it is chosen"
    settings = read_settings(job.settings)
    setting = LevelSetting(gain_db=job.gain_db, loudness=loudness_of(settings))
    levels = levels_of(chunks)
    own_cuts = [cut - part.needs_from for cut in cuts]
    works = plan_work(
        chunks,
        levels,
        own_cuts,
        codecs_of(settings, is_listenable=context.settings.is_listenable),
        setting,
        breaks=file_breaks(settings, chunks),
    )
    return PlannedWork(
        chunks=chunks,
        works=works,
        number=own_cuts.index(part.first_chunk - part.needs_from),
        store=PartStore(
            context=context,
            owner=job.owner,
            chunks=chunks,
            levels=levels,
            setting=setting,
            is_for_delivery=is_for_delivery,
        ),
    )
