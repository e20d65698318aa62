"""When T3 waits for the sound stage. Whose kernels go first is tested in tests/gpu."""

import threading

from worker.engine.options import EngineOptions, resolve
from worker.engine.sharing import Backlog, Sharing, share_device


def test_on_a_cpu_nothing_is_shared() -> None:
    assert share_device(resolve(EngineOptions(device="cpu", back_end="torch"))) == Sharing()


def test_a_crowded_t3_pauses_while_the_sound_stage_is_behind() -> None:
    backlog = Backlog()
    backlog.update(1.9)
    assert backlog.wait(timeout_s=0, is_crowded=True)
    backlog.update(2.0)
    assert not backlog.wait(timeout_s=0, is_crowded=True)
    backlog.update(0.5)
    assert backlog.wait(timeout_s=0, is_crowded=True)


def test_the_last_utterances_do_not_wait_for_the_sound_stage() -> None:
    backlog = Backlog()
    backlog.update(9.0)
    assert backlog.wait(timeout_s=0, is_crowded=False)


def test_a_pause_ends_once_the_sound_stage_has_caught_up() -> None:
    backlog = Backlog()
    backlog.update(3.0)
    went_on = threading.Event()
    waiting = threading.Thread(target=lambda: backlog.wait(20, is_crowded=True) and went_on.set())
    waiting.start()
    assert not went_on.wait(0.05)
    backlog.update(1.0)
    assert went_on.wait(20)
    waiting.join()
