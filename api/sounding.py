"""Streams the sound of a job while it is spoken: reads chunks, sets their level, encodes them.

Reading and encoding run on separate threads; notices announce the next chunks. The first one
usually arrives from its worker before it is stored: see narration.broker.first_sounds.
"""

import hashlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import anyio
import numpy as np
from anyio.to_thread import run_sync

from api.deps import Resources
from api.following import EventFeed
from api.topics import Topic
from narration.broker.first_sounds import FirstSound
from narration.database import session_scope
from narration.errors import (
    ConflictError,
    NotFoundError,
    SpeechError,
    StorageUnavailable,
    TransientError,
    public_message,
)
from narration.jobs.job_error import JobError
from narration.jobs.request import LoudnessSettings
from narration.jobs.spoken import Spoken, SpokenChunk, read_spoken
from narration.jobs.states import JobState
from narration.sound.gain import LevelSetting, Loudness
from narration.sound.peaks import true_peak
from narration.sound.streams import SoundStream, StreamFormat, open_stream
from narration.sound.take import unpack_level
from narration.sound.waveform import SAMPLE_RATE_HZ, Waveform, decode_flac
from narration.storage.keys import chunk_audio_key
from narration.telemetry import log_step

T = TypeVar("T")
THREADS = 32
FIRST_SAMPLES = SAMPLE_RATE_HZ // 4  # encoders keep up to a tenth of a second back


class SilentError(TransientError):
    """No worker has spoken in time."""

    code = "unavailable"


class NotSpokenError(SpeechError):
    """The text could not be spoken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A listener's job, owner and stream format."""

    owner: str
    job_id: str
    stream_format: StreamFormat


class SoundReader:
    """Turns spoken chunks into streams; used from one event loop."""

    def __init__(self, resources: Resources, feed: EventFeed) -> None:
        self._resources = resources
        self._feed = feed
        self._limiter = anyio.CapacityLimiter(THREADS)

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run a function on this reader's threads."""
        return await run_sync(function, *arguments, limiter=self._limiter)

    async def pieces(self, listener: Listener) -> AsyncIterator[bytes]:
        """Yield the stream of a job as it is spoken; its beginning is encoded by itself.

        Raises: NotSpokenError, ConflictError or NotFoundError if the job ended otherwise;
        SilentError; StorageUnavailable, DatabaseUnavailable.
        """
        stream = open_stream(listener.stream_format)
        next_index = 0
        progress_at = time.monotonic()
        with self._feed.topic(listener.owner, listener.job_id) as topic:
            while True:
                version = topic.version
                first_sound, topic.first_sound = topic.first_sound, None
                if next_index == 0 and first_sound is not None:
                    waveform = await self.run(_decode_first, first_sound)
                    async for piece in self._encode(stream, waveform, is_first=True):
                        yield piece
                    next_index, progress_at = 1, time.monotonic()
                spoken = await self.run(self._read, listener.job_id, next_index)
                for chunk in spoken.chunks:
                    waveform = await self.run(self._read_sound, chunk, spoken.gain_db)
                    async for piece in self._encode(stream, waveform, is_first=next_index == 0):
                        yield piece
                    next_index = chunk.index + 1
                    progress_at = time.monotonic()  # after the yields, as a listener may be slow
                if next_index == spoken.chunks_total:
                    yield await self.run(stream.finish)
                    return
                if not spoken.chunks:
                    _require_progress(spoken, listener.job_id)
                    await self._wait(topic, version, progress_at)
                    if next_index == 0:
                        log_step("noticed")

    def _read(self, job_id: str, first: int) -> Spoken:
        with session_scope(self._resources.database, is_read_only=True) as session:
            return read_spoken(session, job_id, first=first)

    async def _wait(self, topic: Topic, version: int, progress_at: float) -> None:
        """Wait for more to be spoken. Raises: SilentError."""
        if self._feed.is_closing():
            raise SilentError("the server is ending: send this again")
        wait_s = self._resources.settings.limits.speech_wait_s
        left_s = progress_at + wait_s - time.monotonic()
        if left_s <= 0:
            raise SilentError(f"nothing was spoken for {wait_s:g} s: send this later")
        await topic.wait_for_notice(left_s, since=version)

    async def _encode(
        self, stream: SoundStream, waveform: Waveform, *, is_first: bool
    ) -> AsyncIterator[bytes]:
        if is_first:  # before it the listener hears nothing
            log_step("fetched")
        for block in _blocks(waveform, is_first=is_first):
            piece = await self.run(stream.add, block)
            if piece:
                yield piece

    def _read_sound(self, chunk: SpokenChunk, gain_db: float | None) -> Waveform:
        waveform = self._fetch(chunk)
        peak = true_peak(waveform) if chunk.level is None else unpack_level(chunk.level).peak
        return _finish(waveform, peak, gain_db, pause_ms=chunk.pause_after_ms)

    def _fetch(self, chunk: SpokenChunk) -> Waveform:
        try:
            flac = self._resources.stores.work.get(chunk_audio_key(chunk.sha256))
        except NotFoundError as error:
            raise StorageUnavailable(f"the sound of chunk {chunk.index} is gone") from error
        if hashlib.sha256(flac).hexdigest() != chunk.sha256:
            raise StorageUnavailable(f"the sound of chunk {chunk.index} is damaged")
        return decode_flac(flac)


def _blocks(waveform: Waveform, *, is_first: bool) -> list[Waveform]:
    """Cut what is heard first, so that no listener waits for two seconds to be encoded."""
    if not is_first:
        return [waveform]
    return [waveform[:FIRST_SAMPLES], waveform[FIRST_SAMPLES:]]


def _decode_first(sound: FirstSound) -> Waveform:
    peak = unpack_level(sound.level).peak
    waiting = sound.waiting
    return _finish(decode_flac(sound.flac), peak, waiting.gain_db, pause_ms=waiting.pause_after_ms)


def _finish(waveform: Waveform, peak: float, gain_db: float | None, *, pause_ms: int) -> Waveform:
    """Bring a take to the loudness of programmes by the gain of its voice, and add its pause."""
    setting = LevelSetting(
        gain_db=gain_db or 0.0, loudness=Loudness(**LoudnessSettings().model_dump())
    )
    pause = np.zeros(pause_ms * SAMPLE_RATE_HZ // 1000, dtype=np.float32)
    return np.concatenate([setting.apply(waveform, peak=peak), pause])


def _require_progress(spoken: Spoken, job_id: str) -> None:
    """Check that more chunks will follow."""
    if spoken.state is JobState.CANCELED:
        raise ConflictError(f"job {job_id} was canceled")
    if spoken.state is JobState.FAILED:
        error = spoken.error or JobError()
        reason = public_message(error.code, error.message)
        raise NotSpokenError(f"job {job_id} failed: {reason}")
