"""Files being assembled have limited space; those of a killed worker are removed."""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from narration.errors import DiskFull, LeaseLost, OutputError
from worker.scratch import KEPT_S, PREFIX, Scratch

ROOT = Path(__file__).parents[3]
DIE = """
import os, sys
from pathlib import Path
from worker.scratch import Scratch
with Scratch(1, Path(sys.argv[1])).folder(10, lambda: None) as folder:
    (folder / "audio.wav").write_bytes(b"sound")
    os._exit(9)
"""


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    """Room for a thousand bytes."""
    scratch = Scratch(1e-6, tmp_path, poll_s=0.01)
    yield scratch
    scratch.close()


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[Scratch]:
    """The same, of which copies may take a quarter."""
    scratch = Scratch(1e-6, tmp_path, is_keeping=True)
    yield scratch
    scratch.close()


def no_check() -> None:
    """The check passes."""


def test_folder_is_gone_afterwards(tmp_path: Path, scratch: Scratch) -> None:
    with scratch.folder(10, no_check) as folder:
        (folder / "audio.wav").write_bytes(b"sound")
        assert tmp_path in folder.parents
    assert not folder.exists()
    scratch.close()
    assert list(tmp_path.iterdir()) == []


def test_what_can_never_fit_is_refused_with_the_remedy(scratch: Scratch) -> None:
    refused = pytest.raises(OutputError, match=r"takes 2\.0 GB .*SCRATCH_GB is .+: raise it")
    with refused, scratch.folder(2 * 10**9, no_check):
        pass


def test_files_wait_for_the_room_of_others(scratch: Scratch) -> None:
    order: list[str] = []

    def second() -> None:
        with scratch.folder(600, no_check):
            order.append("second")

    with scratch.folder(600, no_check):
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.2)
        order.append("first")
    waiting.join(5)
    assert order == ["first", "second"]


def test_waiting_ends_with_the_lease(scratch: Scratch) -> None:

    def lose() -> None:
        raise LeaseLost

    with scratch.folder(600, no_check), pytest.raises(LeaseLost), scratch.folder(600, lose):
        pass


def test_full_disk_is_named_before_it_is_written(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "filler").write_bytes(bytes(1 << 20))
    scratch = Scratch(1, small_disk)
    with pytest.raises(DiskFull, match="cramped is full"), scratch.folder(10**6, no_check):
        pass
    scratch.close()


def test_leftovers_of_a_killed_worker_are_cleared_and_those_of_a_live_one_are_not(
    tmp_path: Path, scratch: Scratch
) -> None:
    code = subprocess.run([sys.executable, "-c", DIE, tmp_path], cwd=ROOT, check=False).returncode
    assert code == 9
    assert len(list(tmp_path.glob(f"{PREFIX}*/*/audio.wav"))) == 1
    alive = Scratch(1, tmp_path)
    with alive.folder(10, no_check) as folder, scratch.folder(10, no_check):
        assert folder.exists()
        assert list(tmp_path.glob(f"{PREFIX}*/*/audio.wav")) == []
    alive.close()


def test_a_copy_is_taken_once(keeping: Scratch) -> None:
    keeping.keep("a", b"sound")
    assert keeping.take("a") == b"sound"
    assert keeping.take("a") is None
    assert keeping.take("b") is None


def test_without_a_bucket_nothing_is_kept(tmp_path: Path, scratch: Scratch) -> None:
    scratch.keep("a", b"sound")
    assert scratch.take("a") is None
    assert list(tmp_path.iterdir()) == []


def test_copies_take_a_quarter_of_the_room_and_the_oldest_goes_first(keeping: Scratch) -> None:
    for name in "abc":
        keeping.keep(name, bytes(100))
    keeping.keep("too large", bytes(251))
    assert [name for name in ("a", "b", "c", "too large") if keeping.take(name)] == ["b", "c"]


def test_files_that_are_assembled_take_the_room_of_copies(tmp_path: Path, keeping: Scratch) -> None:
    keeping.keep("a", bytes(100))
    keeping.keep("b", bytes(100))
    with keeping.folder(850, no_check):
        assert keeping.take("a") is None
        assert keeping.take("b") == bytes(100)
        keeping.keep("c", bytes(200))
        assert keeping.take("c") is None
    assert [path for path in tmp_path.glob("*/kept/*") if path.is_file()] == []


def test_a_copy_that_nobody_takes_does_not_stay(
    keeping: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping.keep("a", b"sound")
    now = time.monotonic()
    keeping.drop_old()
    monkeypatch.setattr(time, "monotonic", lambda: now + KEPT_S - 1)
    keeping.keep("b", b"sound")
    monkeypatch.setattr(time, "monotonic", lambda: now + KEPT_S + 1)
    keeping.drop_old()
    assert keeping.take("a") is None
    assert keeping.take("b") == b"sound"


def test_a_copy_that_cannot_be_kept_or_read_is_none(
    tmp_path: Path, keeping: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping.keep("a", b"sound")
    (copy,) = tmp_path.glob("*/kept/a")
    copy.unlink()
    assert keeping.take("a") is None
    keeping.keep("a", b"sound")
    shutil.rmtree(copy.parent)
    copy.parent.write_bytes(b"in the way")
    keeping.keep("b", b"sound")
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + KEPT_S + 1)
    keeping.drop_old()
    assert (keeping.take("a"), keeping.take("b")) == (None, None)
    shutil.rmtree(copy.parent.parent)
    keeping.keep("c", b"sound")
    assert keeping.take("c") is None


def test_a_worker_without_a_folder_to_keep_copies_in_works_without(tmp_path: Path) -> None:
    Scratch(1e-6, tmp_path / "nowhere", is_keeping=True).keep("a", b"sound")


def test_what_does_not_fit_displaces_nothing(keeping: Scratch) -> None:
    keeping.keep("a", bytes(40))
    with keeping.folder(900, no_check):
        keeping.keep("b", bytes(200))
        assert keeping.take("a") == bytes(40)
