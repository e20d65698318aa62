"""What a worker waits for before it works: tables, weights, a card; and detecting restart loops."""

import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from narration import workers
from narration.clock import utc_now
from narration.database import make_engine, session_scope
from narration.errors import CheckpointError, NotFoundError, SettingsError, StoreRefusal
from narration.health import Health
from narration.migrate import migrate
from narration.settings import Settings, WorkerSettings
from narration.storage.directory import DirectoryStorage
from narration.storage.profiles import Stores
from tests.cluster import wait_for
from tests.fakes import make_model
from worker import startup
from worker.cards import Card, choose
from worker.process import LoadedModel
from worker.startup import (
    MANY_STARTS,
    check_restarts,
    host_name,
    wait_for_schema,
    wait_for_store,
)

ROOT = Path(__file__).parents[3]
TAKE = """
import os, sys, time
from pathlib import Path
from narration.health import Health
from worker.cards import take_card
take_card(sys.argv[2] or None, Path(sys.argv[1]), Health())
print("card", os.environ.get("CUDA_VISIBLE_DEVICES", "any"), flush=True)
sys.stdin.read()
"""
TAKE_WITH_A_CHILD = """
import subprocess
from worker.cards import lock_descriptors
""" + TAKE.replace(
    "sys.stdin.read()",
    "child = subprocess.Popen(['sleep', '600'], pass_fds=lock_descriptors())\n"
    "print('child', child.pid, flush=True)\nsys.stdin.read()",
)


def test_worker_waits_for_its_tables(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'rhapsode.db'}"
    health, database = Health(), make_engine(url)
    waiting = threading.Thread(
        target=wait_for_schema, args=(database, health), kwargs={"poll_s": 0.05}
    )
    waiting.start()
    wait_for(lambda: health.report().awaits, 5, "reason")
    assert "rhapsode migrate" in health.report().awaits["database"]
    migrate(url)
    waiting.join(10)
    assert not waiting.is_alive()
    assert health.report().awaits == {}
    database.dispose()


def test_worker_waits_for_a_store_that_refuses_it(tmp_path: Path) -> None:
    folder = tmp_path / "objects"
    folder.write_bytes(b"a file in the folder's place")
    store = DirectoryStorage(folder)
    health = Health()
    waiting = threading.Thread(
        target=wait_for_store,
        args=(Stores(profiles={}, work=store), health),
        kwargs={"poll_s": 0.05},
    )
    waiting.start()
    wait_for(lambda: health.report().awaits, 5, "reason")
    assert str(folder) in health.report().awaits["store"]
    assert health.report().public_awaits["store"] == StoreRefusal.__doc__
    folder.unlink()
    waiting.join(10)
    assert not waiting.is_alive()
    assert health.report().awaits == {}


def test_worker_waits_for_weights_that_somebody_else_fetches() -> None:
    answers: list[Any] = [
        NotFoundError("pull english"),
        NotFoundError("pull english"),
        make_model(),
    ]
    health, seen = Health(), []

    def load(_: Settings) -> LoadedModel:
        seen.append(health.report().awaits)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, LoadedModel)
        return answer

    model = startup.load_when_present(load, Settings(), health, poll_s=0.05)
    model.engine.close()
    assert seen[1:] == [{"weights": "pull english"}] * 2
    assert health.report().awaits == {}


def test_weights_that_cannot_be_used_are_not_waited_for() -> None:
    def load(_: Settings) -> LoadedModel:
        raise CheckpointError("damaged")

    with pytest.raises(CheckpointError):
        startup.load_when_present(load, Settings(), Health())


@pytest.mark.parametrize("lost", [MANY_STARTS - 1, MANY_STARTS])
def test_worker_that_is_started_over_and_over_is_not_alive(
    sqlite_database: Engine, lost: int
) -> None:
    seen = utc_now() - timedelta(seconds=60)
    with session_scope(sqlite_database) as session:
        for number in range(lost):
            workers.register(session, f"{host_name()}-7-{number}", slots=1, now=seen)
        workers.register(session, "another-host-7-0", slots=1, now=seen)
    health = Health()
    check_restarts(sqlite_database, health, WorkerSettings())
    reason = health.report().dead_because
    if lost < MANY_STARTS:
        assert reason is None
    else:
        assert reason is not None
        assert f"started {lost + 1} times within ten minutes" in reason


def test_neighbours_that_live_are_no_lost_starts(sqlite_database: Engine) -> None:
    with session_scope(sqlite_database) as session:
        for number in range(MANY_STARTS):
            workers.register(session, f"{host_name()}-7-{number}", slots=1, now=utc_now())
    health = Health()
    check_restarts(sqlite_database, health, WorkerSettings())
    assert health.report().dead_because is None


class Machine:
    """A machine with a driver that lists so many cards, and workers that take them."""

    def __init__(self, folder: Path, cards: int) -> None:
        self.locks = folder / "cards"
        driver = folder / "nvidia-smi"
        rows = "\n".join(f"{index}, GPU-{index}" for index in range(cards))
        driver.write_text(f"#!/bin/sh\necho '{rows}'\n")
        driver.chmod(0o755)
        self._path = f"{folder}:{os.environ['PATH']}"

    def take(
        self, chosen: str = "", *, script: str = TAKE, **environment: str
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", script, self.locks, chosen],
            cwd=ROOT,
            env=os.environ | {"PATH": self._path} | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


def card_of(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    return next(line for line in worker.stdout if line.startswith("card ")).split()[1]


def end(*workers: subprocess.Popen[str]) -> None:
    for worker in workers:
        worker.kill()
        worker.communicate()


def test_each_worker_takes_a_card_of_its_own(tmp_path: Path) -> None:
    machine = Machine(tmp_path, 2)
    first, second = machine.take(), machine.take()
    assert {card_of(first), card_of(second)} == {"0", "1"}
    end(first, second)


def test_card_of_a_killed_worker_is_free_again(tmp_path: Path) -> None:
    machine = Machine(tmp_path, 2)
    first, second = machine.take(), machine.take()
    card = card_of(first)
    card_of(second)
    third = machine.take()
    end(first)
    assert card_of(third) == card
    end(second, third)


def test_card_is_free_only_when_a_child_that_inherits_its_lock_has_ended(tmp_path: Path) -> None:
    machine = Machine(tmp_path, 1)
    first = machine.take(script=TAKE_WITH_A_CHILD)
    assert card_of(first) == "0"
    assert first.stdout is not None
    child = int(first.stdout.readline().split()[1])
    first.kill()
    first.wait()
    second = machine.take()
    assert second.stdout is not None
    assert any("card_awaited" in line for line in second.stdout)
    os.kill(child, signal.SIGKILL)
    assert card_of(second) == "0"
    end(first, second)


def test_workers_keep_to_the_cards_that_are_named(tmp_path: Path) -> None:
    machine = Machine(tmp_path, 4)
    first, second = machine.take("1,GPU-3"), machine.take("1,GPU-3")
    assert {card_of(first), card_of(second)} == {"1", "3"}
    end(first, second)


def test_where_there_is_no_card_none_is_taken(tmp_path: Path) -> None:
    worker = Machine(tmp_path, 0).take()
    assert card_of(worker) == "any"
    end(worker)


def test_second_worker_beside_one_card_waits_for_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path, 1)
    first = machine.take()
    assert card_of(first) == "0"
    second = machine.take()
    assert second.stdout is not None
    awaited = next(line for line in second.stdout if "card_awaited" in line)
    assert "every card (0) has its worker" in awaited
    end(first)
    assert card_of(second) == "0"
    end(second)


def test_cards_that_the_environment_has_chosen_are_left_alone(tmp_path: Path) -> None:
    worker = Machine(tmp_path, 4).take(CUDA_VISIBLE_DEVICES="2,3")
    assert card_of(worker) == "2,3"
    end(worker)


def test_card_that_is_not_there_is_named() -> None:
    present = [Card(index="0", uuid="GPU-a"), Card(index="1", uuid="GPU-b")]
    with pytest.raises(
        SettingsError, match=r"RHAPSODE_MODEL__CARDS names 7.*this machine has 0, 1"
    ):
        choose("0,7", present)
