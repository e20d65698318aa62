"""Encoders fetch takes themselves, and their errors reach the caller with their own class."""

import hashlib
import multiprocessing
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from narration.errors import StorageUnavailable
from narration.settings import Settings
from narration.sound.gain import LevelSetting, Loudness
from narration.sound.peaks import true_peak
from narration.storage.keys import chunk_audio_key, part_audio_key
from narration.storage.profiles import open_stores
from tests.builders import make_settings, stores_in
from worker.assembly.lossless.stretches import StretchRequest, plan_stretches
from worker.assembly.part_encoders import PartEncoders, StoredTake
from worker.assembly.parts.codecs import AAC
from worker.assembly.parts.plans import SpokenChunk, plan_parts
from worker.assembly.parts.request import PartRequest
from worker.assembly.types import Mark
from worker.chunk_audio import LostAudio, store_chunk

SAMPLES = 12_000
WAVEFORM = (0.2 * np.sin(np.arange(SAMPLES) / 9)).astype(np.float32)
BUCKET = {
    "kind": "s3",
    "bucket": "books",
    "endpoint_url": "http://127.0.0.1:9",  # no server listens on this port
    "access_key_id": "a",
    "secret_access_key": "b",
}


def request_of(takes: dict[int, StoredTake]) -> PartRequest:
    chunks = [SpokenChunk(sha256=take.sha256, samples=SAMPLES, pause=0) for take in takes.values()]
    [plan] = plan_parts(chunks, [0], AAC)
    return PartRequest(
        peaks=dict.fromkeys(takes, true_peak(WAVEFORM)),
        setting=LevelSetting(gain_db=1.0, loudness=Loudness()),
        formats=((AAC, plan),),
        measured=tuple(takes),
    )


@pytest.fixture
def takes(tmp_path: Path) -> dict[int, StoredTake]:
    store = stores_in(tmp_path).work
    sha256s = [store_chunk(store, WAVEFORM * scale) for scale in (0.5, 1.0)]
    return {n: StoredTake(index=n + 7, sha256=sha256) for n, sha256 in enumerate(sha256s)}


def encoders_of(settings: Settings) -> PartEncoders:
    return PartEncoders(settings, open_stores(settings).work)


@pytest.fixture
def encoders(tmp_path: Path) -> Iterator[PartEncoders]:
    with closing(encoders_of(make_settings(tmp_path, worker={"encoders": 1}))) as encoders:
        yield encoders


def test_another_process_gives_the_bytes_that_this_one_gives(
    tmp_path: Path, encoders: PartEncoders, takes: dict[int, StoredTake]
) -> None:
    here = encoders_of(make_settings(tmp_path))
    request = request_of(takes)
    assert encoders.encode(request, takes) == here.encode(request, takes)


def test_another_process_makes_the_same_stretch(
    tmp_path: Path, encoders: PartEncoders, takes: dict[int, StoredTake]
) -> None:
    marks = [Mark(start=SAMPLES * n, end=SAMPLES * (n + 1)) for n in range(len(takes))]
    (stretch,) = plan_stretches(marks, SAMPLES * len(takes) + 100)
    request = StretchRequest(
        stretch=stretch,
        marks=tuple(marks),
        peaks=(true_peak(WAVEFORM),) * len(takes),
        setting=LevelSetting(gain_db=1.0, loudness=Loudness()),
        has_frames=True,
    )
    here = encoders_of(make_settings(tmp_path)).make_stretch(request, list(takes.values()))
    assert here.frames
    assert encoders.make_stretch(request, list(takes.values())) == here
    assert encoders._calls is not None
    assert encoders._calls._free.enter()  # the part of another job has the only process
    try:
        assert encoders.make_stretch(request, list(takes.values())) == here
    finally:
        encoders._calls._free.leave()


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_lost_audio_comes_back_by_the_number_of_its_chunk(
    tmp_path: Path, encoders: PartEncoders, takes: dict[int, StoredTake], damage: str
) -> None:
    store, key = stores_in(tmp_path).work, chunk_audio_key(takes[1].sha256)
    store.delete(key)
    if damage == "changed":
        store.put(key, b"something else")
    with pytest.raises(LostAudio, match="chunk 8: "):
        encoders.encode(request_of(takes), takes)
    rest = {0: takes[0]}
    assert encoders.encode(request_of(rest), rest).fragments


def test_a_process_that_was_killed_is_replaced(
    encoders: PartEncoders, takes: dict[int, StoredTake]
) -> None:
    before = set(multiprocessing.active_children())
    first = encoders.encode(request_of(takes), takes)
    [process] = set(multiprocessing.active_children()) - before
    process.kill()
    process.join()
    assert encoders.encode(request_of(takes), takes) == first


def test_a_bucket_that_does_not_answer_is_told_from_a_dead_encoder(
    tmp_path: Path, takes: dict[int, StoredTake]
) -> None:
    storage = {"profiles": {"default": BUCKET}}
    settings = make_settings(tmp_path, worker={"encoders": 1}, storage=storage)
    with (
        closing(encoders_of(settings)) as encoders,
        pytest.raises(StorageUnavailable, match="the store does not answer for"),
    ):
        encoders.encode(request_of(takes), takes)


def test_a_stored_part_is_read_unless_it_is_missing_or_damaged(
    encoders: PartEncoders, tmp_path: Path
) -> None:
    store = stores_in(tmp_path).work
    whole, damaged = (hashlib.sha256(data).hexdigest() for data in (b"whole", b"damaged"))
    for sha256 in (whole, damaged):
        store.put(part_audio_key(sha256), b"whole")
    assert encoders.read_parts([damaged, whole, "0" * 64]) == [None, b"whole", None]
