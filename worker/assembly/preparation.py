"""Prepares a job's sound: makes sure that every part is encoded, at the right level."""

import math
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import structlog

from narration.jobs.part_audio import EncodedPart
from narration.jobs.parts import add_missing_parts, count_unstored, get_parts, is_being_encoded
from narration.jobs.record import Chunk, Job
from narration.jobs.stored import read_settings
from narration.sound.gain import LevelSetting, VoiceLevel, choose_gain, correct_gain, is_off
from narration.sound.take import TakeLevel
from narration.voices.levels import LevelKey, find_level, level_key
from worker.assembly.chunk_levels import fill_levels
from worker.assembly.encoding import encode_next
from worker.assembly.measuring import measure
from worker.assembly.part_store import PartStore
from worker.assembly.sections import file_breaks
from worker.assembly.sound import (
    PartWork,
    codecs_of,
    finished_levels,
    levels_of,
    loudness_of,
    plan_work,
    spoken_chunks,
)
from worker.assembly.types import Measurement
from worker.chunk_audio import fetch_ahead
from worker.context import WorkerContext
from worker.leases import Lease

log = structlog.get_logger(__name__)

WAIT_S = 10.0  # for other workers to finish their parts; after that they are encoded here, too
POLL_S = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedSound:
    """A job's sound, ready to be written: measured before and after its level was set."""

    chunks: Sequence[Chunk]
    levels: Sequence[TakeLevel]
    store: PartStore
    works: Sequence[PartWork]
    encoded: dict[str, EncodedPart]
    spoken: Measurement
    finished: Measurement

    @property
    def setting(self) -> LevelSetting:
        """The gain and limit that every take gets."""
        return self.store.setting


@dataclass(frozen=True, slots=True, kw_only=True)
class _PlannedSound:
    """What is known of a job's sound from its rows, before its parts are encoded."""

    chunks: Sequence[Chunk]
    levels: Sequence[TakeLevel]
    store: PartStore
    works: Sequence[PartWork]
    spoken: Measurement


def prepare_sound(
    context: WorkerContext, job: Job, chunks: Sequence[Chunk], lease: Lease
) -> PreparedSound:
    """Encode missing parts, and all of them again if the whole is too loud or too quiet.

    The job's chunks are all spoken; missing levels are filled in.

    Raises: LostAudio if the sound of a chunk is missing or damaged; LeaseLost; EncoderDied.
    """
    fill_levels(context, chunks)
    with context.session() as session:
        add_missing_parts(session, job.id, job.owner, chunks)
    with ThreadPoolExecutor(1, thread_name_prefix="encode") as pool:
        stopped = threading.Event()
        encoded = pool.submit(_encode_with_others, context, job.id, lease, stopped)
        try:  # while the last parts are encoded
            voice = _voice_level(context, job, chunks)
            setting = _first_setting(job, voice)
            planned = _plan(context, job, chunks, setting)
        except BaseException:
            stopped.set()
            raise
        encoded.result()
    prepared = _prepare(context, planned, lease)
    measured = prepared.finished.lufs
    is_settled = job.is_gain_kept  # what was delivered at this gain is not encoded again
    if setting.loudness is None or measured is None or is_settled:
        return prepared
    if not is_off(measured, setting.loudness):
        return prepared
    gain_db = correct_gain(voice, setting.loudness, used_db=setting.gain_db, measured_lufs=measured)
    log.info("level_corrected", lufs=measured, gain_db=gain_db, was_db=setting.gain_db)
    if gain_db == setting.gain_db:
        return prepared
    corrected_plan = _plan(context, job, chunks, replace(setting, gain_db=gain_db))
    corrected = _prepare(context, corrected_plan, lease)
    return min(prepared, corrected, key=_distance)


def _distance(prepared: PreparedSound) -> float:
    loudness, lufs = prepared.setting.loudness, prepared.finished.lufs
    return abs(lufs - loudness.target_lufs) if loudness and lufs is not None else math.inf


def _encode_with_others(
    context: WorkerContext, job_id: str, lease: Lease, stopped: threading.Event
) -> None:
    """Encode the remaining parts as any worker would, and wait a little for other workers."""
    threads = min(_count_left(context, job_id), context.encoder_count)
    with ThreadPoolExecutor(max(threads, 1), thread_name_prefix="encode") as pool:
        encoding = [
            pool.submit(_encode_all, context, job_id, lease, stopped) for _ in range(threads)
        ]
        for future in encoding:
            future.result()
    ends_at = time.monotonic() + WAIT_S
    while time.monotonic() < ends_at and not stopped.is_set():
        lease.check()
        with context.session(is_read_only=True) as session:
            is_waiting = is_being_encoded(session, job_id, now=context.clock())
        # If nobody holds one that is left, its claim may just not have been committed before.
        if not is_waiting and not (_count_left(context, job_id) and encode_next(context, job_id)):
            return
        time.sleep(POLL_S)


def _count_left(context: WorkerContext, job_id: str) -> int:
    with context.session(is_read_only=True) as session:
        return count_unstored(session, job_id)


def _encode_all(
    context: WorkerContext, job_id: str, lease: Lease, stopped: threading.Event
) -> None:
    while not stopped.is_set() and encode_next(context, job_id):
        lease.check()


def _plan(
    context: WorkerContext, job: Job, chunks: Sequence[Chunk], setting: LevelSetting
) -> _PlannedSound:
    levels = levels_of(chunks)
    with context.session(is_read_only=True) as session:
        cuts = [part.first_chunk for part in get_parts(session, job.id)]
    settings = read_settings(job.settings)
    codecs = codecs_of(settings, is_listenable=context.settings.is_listenable)
    breaks = file_breaks(settings, chunks)
    works = plan_work(chunks, levels, cuts, codecs, setting, breaks=breaks)
    store = PartStore(
        context=context,
        owner=job.owner,
        chunks=chunks,
        levels=levels,
        setting=setting,
        is_for_delivery=True,
    )
    return _PlannedSound(
        chunks=chunks,
        levels=levels,
        store=store,
        works=works,
        spoken=measure(spoken_chunks(chunks, levels), levels),
    )


def _prepare(context: WorkerContext, planned: _PlannedSound, lease: Lease) -> PreparedSound:
    store, works, levels = planned.store, planned.works, planned.levels
    encoded = store.find(works)
    for parts in _make_missing(context, store, works, encoded):
        lease.check()
        encoded |= {part.digest: part for part in parts}
    measured = {digest: part.level or b"" for digest, part in encoded.items()}
    finished = finished_levels(works, levels, store.setting, measured)
    return PreparedSound(
        chunks=planned.chunks,
        levels=levels,
        store=store,
        works=works,
        encoded=encoded,
        spoken=planned.spoken,
        finished=measure(spoken_chunks(planned.chunks, levels), finished),
    )


def _make_missing(
    context: WorkerContext,
    store: PartStore,
    works: Sequence[PartWork],
    encoded: dict[str, EncodedPart],
) -> Iterator[list[EncodedPart]]:
    before = dict(encoded)
    missing = [work for work in works if any(d not in before for d in work.digests)]
    return fetch_ahead(lambda work: store.make(work, before), missing, ahead=context.encoder_count)


def _first_setting(job: Job, voice: VoiceLevel) -> LevelSetting:
    loudness = loudness_of(read_settings(job.settings))
    if loudness is None:
        return LevelSetting()
    gain_db = choose_gain(voice, loudness) if job.gain_db is None else job.gain_db
    return LevelSetting(gain_db=gain_db, loudness=loudness)


def _voice_level(context: WorkerContext, job: Job, chunks: Sequence[Chunk]) -> VoiceLevel:
    """Return the voice's measured level, or the job's own where none was measured."""
    for engine in job.engines:
        key, digest = level_key(job.voice_digest or "", engine), job.voice_digest or ""
        with context.session(is_read_only=True) as session:
            rows = [
                find_level(session, LevelKey(owner=owner, key=key, voice_digest=digest))
                for owner in (job.owner, "")
            ]
        for row in rows:
            if row is not None and row.level is not None:
                return row.level
    levels = levels_of(chunks)
    lufs = measure(spoken_chunks(chunks, levels), levels).lufs
    # For a silent job any level will do.
    return VoiceLevel(lufs=lufs if lufs is not None else 0.0)
