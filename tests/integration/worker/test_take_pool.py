"""Processes that store takes: killed during work, killed by a sound, and orphaned."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from narration.errors import SpeechError, StorageUnavailable
from narration.storage.directory import DirectoryStorage
from tests.builders import make_settings
from tests.cluster import wait_for
from tests.sounds_of_takes import (
    BROKEN,
    DEADLY,
    REFUSED,
    SLOW,
    STUCK,
    make_sound,
    open_never,
    open_oddly,
    open_wrongly,
    store_oddly,
    tries,
)
from worker.rendering.take_pool import MOST_LOSSES, TakePool, make_take_pool

TIMEOUT_S = 60.0


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[TakePool]:
    pool = TakePool(partial(store_oddly, tmp_path), partial(open_oddly, tmp_path), processes=2)
    yield pool
    pool.close()


def digest(text: str, **length: float) -> str:
    sound = make_sound(text, **length)
    return hashlib.sha256(sound.tokens.tobytes() + sound.waveform.tobytes()).hexdigest()


def test_every_take_is_answered_for_itself(pool: TakePool) -> None:
    texts = [f"take {number}" for number in range(60)]
    futures = [pool.submit(make_sound(text)) for text in texts]
    found = [future.result(TIMEOUT_S).sha256 for future in futures]
    assert found == [digest(text) for text in texts]


def test_stored_sound_is_the_same_wherever_it_is_stored(tmp_path: Path) -> None:
    sounds = [make_sound(f"Take {number} of this test.", seconds=3) for number in range(4)]
    stored = []
    for processes in (0, 2):
        folder = tmp_path / str(processes)
        settings = make_settings(folder, worker={"take_processes": processes})
        pool = make_take_pool(settings, DirectoryStorage(settings.objects_dir))
        stored.append([pool.submit(sound).result(TIMEOUT_S) for sound in sounds])
        pool.close()
        files = {path.name for path in folder.rglob("*.flac")}
        assert len(files) == len(sounds)
    assert stored[0] == stored[1]


def test_takes_of_a_killed_process_are_done_by_the_next(pool: TakePool) -> None:
    wait_for(lambda: len(pool.pids) == 2, TIMEOUT_S, "two processes")
    before = pool.pids
    texts = [f"{SLOW} take {number}" for number in range(12)]
    futures = [pool.submit(make_sound(text)) for text in texts]
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    found = [future.result(TIMEOUT_S).sha256 for future in futures]
    assert found == [digest(text) for text in texts]
    wait_for(lambda: len(pool.pids) == 2, TIMEOUT_S, "two new processes")
    assert not set(before) & set(pool.pids)


def test_a_sound_that_kills_processes_is_given_up_alone(pool: TakePool, tmp_path: Path) -> None:
    texts = [f"take {number}" for number in range(20)]
    texts[7] = f"a {DEADLY} take"
    futures = [pool.submit(make_sound(text)) for text in texts]
    with pytest.raises(SpeechError, match="3 processes were lost"):
        futures[7].result(TIMEOUT_S)
    assert tries(tmp_path, texts[7]) == MOST_LOSSES
    others = [future.result(TIMEOUT_S).sha256 for future in futures[:7] + futures[8:]]
    assert others == [digest(text) for text in texts[:7] + texts[8:]]


def test_errors_of_the_store_come_back_as_they_are(pool: TakePool) -> None:
    with pytest.raises(StorageUnavailable, match="the store does not answer"):
        pool.submit(make_sound(f"a {REFUSED} take")).result(TIMEOUT_S)
    with pytest.raises(RuntimeError, match=r"store_oddly(.|\n)*ValueError: a bug"):
        pool.submit(make_sound(f"a {BROKEN} take")).result(TIMEOUT_S)
    assert pool.submit(make_sound("another")).result(TIMEOUT_S).sha256 == digest("another")


def test_takes_under_way_outlive_the_signal_that_stops_a_service(
    pool: TakePool, tmp_path: Path
) -> None:
    wait_for(lambda: len(pool.pids) == 2, TIMEOUT_S, "two processes")
    before = pool.pids
    texts = [f"{SLOW} take {number}" for number in range(8)]
    futures = [pool.submit(make_sound(text)) for text in texts]
    for pid in before:
        os.kill(pid, signal.SIGTERM)
    assert [future.result(TIMEOUT_S).sha256 for future in futures] == [digest(t) for t in texts]
    assert pool.pids == before
    assert {tries(tmp_path, text) for text in texts} == {1}


def test_a_sound_that_cannot_be_shared_fails_alone(pool: TakePool) -> None:
    wait_for(lambda: len(pool.pids) == 2, TIMEOUT_S, "two processes")
    flat = make_sound("stereo")
    stereo = replace(flat, waveform=np.stack([flat.waveform, flat.waveform]))
    for _ in range(20):  # more than there are blocks
        with pytest.raises(ValueError, match="broadcast"):
            pool.submit(stereo).result(TIMEOUT_S)
    assert pool.submit(flat).result(TIMEOUT_S).sha256 == digest("stereo")


def test_a_stuck_take_is_given_up_while_others_are_stored(tmp_path: Path) -> None:
    opener = partial(open_oddly, tmp_path)
    pool = TakePool(partial(store_oddly, tmp_path), opener, processes=1, limit_s=2)
    stuck = pool.submit(make_sound(f"{STUCK} take"))
    until = time.monotonic() + TIMEOUT_S
    stored = 0
    while not stuck.done() and time.monotonic() < until:
        assert pool.submit(make_sound(f"{SLOW} take")).result(TIMEOUT_S)
        stored += 1
    with pytest.raises(SpeechError, match="3 processes were lost"):
        stuck.result(0)
    assert stored > 3
    pool.close()


def test_a_sound_longer_than_a_block_is_stored_all_the_same(pool: TakePool) -> None:
    sound = make_sound("long", seconds=50)
    assert pool.submit(sound).result(TIMEOUT_S).samples == sound.waveform.size


def test_without_any_process_that_comes_up_takes_are_stored_here(tmp_path: Path) -> None:
    pool = TakePool(partial(store_oddly, tmp_path), partial(open_oddly, tmp_path), processes=0)
    assert pool.submit(make_sound("take")).result(0).sha256 == digest("take")
    pool.close()
    for opener in (open_never, open_wrongly, lambda: None):  # the last cannot even be sent
        pool = TakePool(partial(store_oddly, tmp_path), opener, processes=2)
        assert pool.submit(make_sound("take")).result(TIMEOUT_S).sha256 == digest("take")
        pool.close()


def test_processes_end_with_their_killed_parent() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: not any(map(is_running, pids)), 10, "end of the processes")


def test_an_exit_that_closes_no_pool_waits_for_no_process() -> None:
    code = PARENT.replace("time.sleep(600)", "sys.exit(7)")
    ended = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert ended.returncode == 7
    pids = [int(pid) for pid in ended.stdout.split()]
    wait_for(lambda: not any(map(is_running, pids)), 10, "end of the processes")


PARENT = """
import sys, tempfile, time
from functools import partial
from pathlib import Path
from tests.sounds_of_takes import make_sound, open_oddly, store_oddly
from worker.rendering.take_pool import TakePool

if __name__ == "__main__":
    marks = Path(tempfile.mkdtemp())
    pool = TakePool(partial(store_oddly, marks), partial(open_oddly, marks), processes=2)
    while len(pool.pids) < 2:
        time.sleep(0.01)
    for number in range(8):
        pool.submit(make_sound(f"slow {number}"))
    print(*pool.pids, flush=True)
    time.sleep(600)
"""


def is_running(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    return False
