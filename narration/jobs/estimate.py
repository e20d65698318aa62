"""How much of a plan is in the chunk cache, and how long rendering the rest will take.

Only a warm worker knows its voices and its speed: without one the answer is None, never zero.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from narration import workers
from narration.jobs.cuts import length_of
from narration.jobs.outline import Outline, chapter_of
from narration.jobs.request import JobSettings, QualityPolicy
from narration.jobs.sound import RenderParameters
from narration.jobs.sound_record import ChunkAudio
from narration.voices.lookup import find_voice
from narration.workers import Worker

_BATCH = 500  # keys per statement


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakableChunk:
    """What determines a chunk's sound; `cache_key` is that of its first take."""

    chapter: int  # number in the document
    spoken_text: str
    audio_s: float
    cache_key: str


def speech_rate(warm: Iterable[Worker]) -> float | None:
    """Return how many seconds of speech the workers produce per second; None if unknown."""
    rates = [worker.speech_rate for worker in warm if worker.speech_rate]
    return sum(rates) if rates else None


def rendering_s(audio_s: float, cached_s: float | None, warm: Sequence[Worker]) -> float | None:
    """Return how long warm workers will take if they do nothing else; None if unknown.

    A worker that has not spoken enough yet to know its rate counts as an average one.
    """
    rate = speech_rate(warm)
    if rate is None or cached_s is None:
        return None
    measured = sum(worker.speech_rate is not None for worker in warm)
    return max(audio_s - cached_s, 0.0) / (rate * len(warm) / measured)


def find_parameters(
    session: Session, owner: str, settings: JobSettings, *, now: datetime
) -> RenderParameters | None:
    """Return the parameters of the warm worker with the most slots; None without one."""
    warm = workers.warm_workers(session, now=now)
    engines = [(worker.slots, worker.engine) for worker in warm if worker.engine]
    if not engines:
        return None
    _, engine = max(engines, key=lambda pair: pair[0])
    own = find_voice(session, owner, settings.voice)
    digest = own.digest if own else engine.voice_digests.get(settings.voice)
    if digest is None:
        return None
    return RenderParameters(
        voice_digest=digest,
        delivery=settings.delivery,
        job_seed=settings.seed,
        engine=engine.identity,
    )


def speakable(outlined: Outline, parameters: RenderParameters) -> Iterator[SpeakableChunk]:
    """Yield the chunks of an outline with the cache keys of their first takes."""
    for chunk in outlined.plan.chunks:
        yield SpeakableChunk(
            chapter=chapter_of(outlined.plan, chunk),
            spoken_text=chunk.spoken_text,
            audio_s=length_of(chunk),
            cache_key=parameters.cache_key(chunk.spoken_text, 0),
        )


def cached_seconds(
    session: Session,
    owner: str,
    chunks: Sequence[SpeakableChunk],
    parameters: RenderParameters,
    settings: JobSettings,
) -> dict[int, float]:
    """Return by chapter how many seconds of audio a job would take from the chunk cache.

    A take that failed its checks is followed by another, as it is in a worker.
    """
    is_judged = settings.quality.policy is not QualityPolicy.OFF
    last = settings.quality.max_takes - 1 if is_judged else 0
    seconds: dict[int, float] = {}
    pending = {chunk.cache_key: [chunk] for chunk in chunks}
    for chunk in chunks:
        if pending[chunk.cache_key][0] is not chunk:
            pending[chunk.cache_key].append(chunk)
    for number in range(last + 1):
        takes = _known_takes(session, owner, list(pending))
        following: dict[str, list[SpeakableChunk]] = {}
        for key, has_passed in takes.items():
            if has_passed or number == last:
                for chunk in pending[key]:
                    seconds[chunk.chapter] = seconds.get(chunk.chapter, 0.0) + chunk.audio_s
            else:
                text = pending[key][0].spoken_text
                following[parameters.cache_key(text, number + 1)] = pending[key]
        pending = following
    return seconds


def _known_takes(session: Session, owner: str, keys: Sequence[str]) -> dict[str, bool]:
    """Return whether each cached take passed its checks, without marking any as used."""
    takes: dict[str, bool] = {}
    for start in range(0, len(keys), _BATCH):
        query = select(ChunkAudio.cache_key, ChunkAudio.findings).where(
            ChunkAudio.owner == owner, ChunkAudio.cache_key.in_(keys[start : start + _BATCH])
        )
        takes |= {key: not findings for key, findings in session.execute(query)}
    return takes
