"""A first sound is sent ahead of the store, but only one that will be kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from narration.broker.first_sounds import FirstSound, FirstSoundSender, Waiting
from narration.errors import StorageUnavailable
from narration.sound.take import measure_take, unpack_level
from narration.sound.waveform import decode_flac
from narration.storage.directory import DirectoryStorage
from narration.storage.keys import chunk_audio_key
from tests.sounds_of_takes import make_sound
from worker.rendering.edges import trim_edges
from worker.rendering.take_sound import SpokenSound, store_sound

WAITING = Waiting(owner="ann", job_id="job_1", gain_db=-3.5, pause_after_ms=250)


class Sent(FirstSoundSender):
    """Keeps what is sent, and what the store had by then."""

    def __init__(self, store: DirectoryStorage) -> None:
        super().__init__(None)
        self.sounds: list[FirstSound] = []
        self._store = store
        self.stored: list[bool] = []

    def send(self, sound: FirstSound) -> None:
        self.sounds.append(FirstSound.unpack(sound.pack()))
        self.stored.append(any(True for _ in self._store.find("")))


class Away(DirectoryStorage):
    def put(self, *_: object, **__: object) -> None:  # type: ignore[override]
        raise StorageUnavailable("the store does not answer")


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStorage:
    return DirectoryStorage(tmp_path)


def sound(waiting: Waiting | None, *, is_truncated: bool = False) -> SpokenSound:
    spoken = make_sound("One two three four five.", seconds=2.0)
    return replace(spoken, waiting=waiting, is_truncated=is_truncated)


def test_whoever_waits_gets_the_sound_before_it_is_stored(store: DirectoryStorage) -> None:
    sent = Sent(store)
    stored = store_sound(store, sent, sound(WAITING))
    assert stored.findings == ()
    (first,) = sent.sounds
    assert (first.waiting, sent.stored) == (WAITING, [False])
    assert first.flac == store.get(chunk_audio_key(stored.sha256))
    waveform = decode_flac(first.flac)
    assert np.allclose(waveform, trim_edges(sound(None).waveform), atol=1e-6)
    level = unpack_level(first.level)
    assert not level.energies.size  # nobody waits until it is measured
    assert level.peak == unpack_level(stored.level).peak  # it decides how the sound is limited
    assert level.peak == pytest.approx(measure_take(waveform).peak, rel=1e-3)


def test_the_peak_that_is_sent_is_the_one_between_samples(store: DirectoryStorage) -> None:
    # A quarter of the sampling rate, never sampled at its highest.
    tone = 0.5 * np.sin(np.pi / 2 * np.arange(48_000) + np.pi / 4).astype(np.float32)
    sent = Sent(store)
    stored = store_sound(store, sent, replace(sound(WAITING), waveform=tone))
    assert stored.findings == ()
    (first,) = sent.sounds
    assert unpack_level(first.level).peak == pytest.approx(0.5, rel=0.02)
    assert unpack_level(first.level).peak == unpack_level(stored.level).peak


def test_neither_other_chunks_nor_takes_that_may_not_be_kept_are_sent(
    store: DirectoryStorage,
) -> None:
    sent = Sent(store)
    store_sound(store, sent, sound(None))
    assert store_sound(store, sent, sound(WAITING, is_truncated=True)).findings
    assert sent.sounds == []


def test_a_store_that_does_not_answer_does_not_keep_the_listener_waiting(tmp_path: Path) -> None:
    sent = Sent(DirectoryStorage(tmp_path))
    with pytest.raises(StorageUnavailable):
        store_sound(Away(tmp_path), sent, sound(WAITING))
    assert len(sent.sounds) == 1


def test_without_a_broker_nothing_is_sent_and_one_that_is_away_is_no_failure(
    store: DirectoryStorage,
) -> None:
    for url in (None, "memory://", "redis+socket:///nowhere"):
        assert store_sound(store, FirstSoundSender(url), sound(WAITING)).samples
