"""`python -m tests.bench.followers`: many followers of events while many jobs are submitted.

Postgres that waits for its disk, Valkey, SeaweedFS and `rhapsode api` processes (`--apis`), among
which followers and submissions are divided; nobody plans or speaks. Each job is one event, and some
are followed singly and canceled meanwhile. The clients are processes of their own and share the
machine's cores. What each follower should have got is read from the table of events when all is
over, and compared one by one and in order.
"""

import argparse
import json
import multiprocessing
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select

from narration.clock import utc_now
from narration.database import session_scope
from narration.jobs.record import Event
from narration.keys.manage import NewKey, make_key
from tests.api_process import Api
from tests.bench.audience import Audience, Machine, compare, show
from tests.bench.event_clients import Followed, Received, follow
from tests.bench.load import Load, run_load
from tests.builders import WORDS
from tests.cluster import Cluster, open_cluster
from tests.servers import Postgres, SeaweedFS, Valkey

QUEUED_JOBS = 1_000_000  # nobody works them off here
WARM_UP_RATE, WARM_UP_S = 50, 3.0
SETTLE_S = 8.0  # lost notices are made up for within five
WAIT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A service with keys, and the jobs that are followed singly."""

    cluster: Cluster
    apis: list[Api]
    keys: dict[str, str]  # owner -> key
    jobs: dict[str, str]  # job -> owner
    first_event: int  # the last one before anybody followed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--followers", type=int, default=1000)
    parser.add_argument("--of-jobs", type=int, default=200, help="of these, of one job each")
    parser.add_argument("--owners", type=int, default=100)
    parser.add_argument("--apis", type=int, default=1, help="processes")
    parser.add_argument("--rate", type=float, default=200, help="submissions a second")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder), options.owners, options.apis) as opened,
    ):
        cluster, apis, keys = opened
        for api in apis:
            warm_up(api, keys)
        audience = measure(
            prepared(cluster, apis, keys, options.of_jobs),
            followers=options.followers,
            rate=options.rate,
            seconds=options.seconds,
        )
    show(audience)
    if options.json:
        options.json.write_text(json.dumps(asdict(audience), indent=1))


@contextmanager
def served(
    folder: Path, owners: int, processes: int
) -> Iterator[tuple[Cluster, list[Api], dict[str, str]]]:
    with ExitStack() as stack:
        servers = (Postgres(is_durable=True), Valkey(), SeaweedFS())
        for server in servers:
            stack.callback(server.close)
        cluster = stack.enter_context(open_cluster(folder, *servers, has_sweeper=False))
        keys = {}
        with session_scope(cluster.database) as session:
            for number in range(owners):
                new = NewKey(owner=f"owner-{number}", name="bench")
                keys[new.owner] = make_key(session, new, now=utc_now()).secret
        limits = {"RHAPSODE_LIMITS__QUEUED_JOBS": str(QUEUED_JOBS)}
        apis = [Api(cluster, limits) for _ in range(processes)]
        for api in apis:
            stack.callback(api.close)
            api.start()
        yield cluster, apis, keys


def warm_up(api: Api, keys: dict[str, str]) -> None:
    """Submit a little that does not count: processes start, code is read in."""
    secrets = list(keys.values())
    run_load(
        "127.0.0.1",
        api.port,
        lambda number: submission(number, secrets),
        rate=WARM_UP_RATE,
        duration_s=WARM_UP_S,
    )


def prepared(cluster: Cluster, apis: list[Api], keys: dict[str, str], of_jobs: int) -> Scene:
    """Submit the jobs that are followed singly."""
    jobs = {}
    for number, (owner, key) in zip(range(of_jobs), _around(keys), strict=False):
        answer = apis[0].client.post(
            "/v1/jobs", json={"text": f"Number {number}. {WORDS}"}, headers=_bearer(key)
        )
        answer.raise_for_status()
        jobs[answer.json()["id"]] = owner
    with session_scope(cluster.database, is_read_only=True) as session:
        first_event = session.scalar(select(func.max(Event.id))) or 0
    return Scene(cluster=cluster, apis=apis, keys=keys, jobs=jobs, first_event=first_event)


def measure(scene: Scene, *, followers: int, rate: float, seconds: float) -> Audience:
    followed = paths(scene, followers)
    secrets = list(scene.keys.values())
    with (
        child(follow, followed) as listening,
        ExitStack() as stack,
    ):
        submitting = [
            stack.enter_context(child(submit, api.port, secrets, rate / len(scene.apis), seconds))
            for api in scene.apis
        ]
        machine = Machine(
            {
                "API": [api.pid for api in scene.apis],
                "Postgres": [scene.cluster.postgres.pid],
                "Valkey": [scene.cluster.valkey.pid],
                "SeaweedFS": [scene.cluster.seaweedfs.pid],
                "followers": [listening.pid],
                "submitters": [one.pid for one in submitting],
            },
            api_pids=[api.pid for api in scene.apis],
        )
        connect_s: float = _received(listening.pipe)
        with machine.measured():
            for one in submitting:
                one.pipe.send("begin")
            failed_cancels = cancel_all(scene, seconds)
            load = together([_received(one.pipe) for one in submitting])
        time.sleep(SETTLE_S)
        listening.pipe.send("stop")
        received: list[Received] = _received(listening.pipe)
    expected = written(scene, followed)
    return compare(
        expected, received, load=load, machine=machine.figures(),
        connect_s=connect_s, failed_cancels=failed_cancels,
    )  # fmt: skip


def paths(scene: Scene, followers: int) -> list[Followed]:
    """Return what each client follows: the single jobs, and the owners in turn."""
    asked = [(f"/v1/jobs/{job}/events", scene.keys[owner]) for job, owner in scene.jobs.items()]
    owners = zip(range(followers - len(asked)), _around(scene.keys), strict=False)
    asked += [("/v1/events", key) for _, (_, key) in owners]
    ports = [api.port for api in scene.apis]
    return [
        Followed(port=ports[number % len(ports)], path=path, key=key)
        for number, (path, key) in enumerate(asked)
    ]


def written(scene: Scene, followed: list[Followed]) -> list[list[str]]:
    """Return the ids of the events that each client should have got, in order."""
    of_job, of_owner = defaultdict(list), defaultdict(list)
    with session_scope(scene.cluster.database, is_read_only=True) as session:
        columns = select(Event.id, Event.owner, Event.job_id, Event.number)
        for row in session.execute(columns.order_by(Event.transaction, Event.id)):
            event = f"{row.job_id}/{row.number}"
            if row.job_id in scene.jobs:
                of_job[f"/v1/jobs/{row.job_id}/events"].append(event)
            if row.id > scene.first_event:
                of_owner[scene.keys[row.owner]].append(event)
    return [of_job[one.path] or of_owner[one.key] for one in followed]


def cancel_all(scene: Scene, seconds: float) -> int:
    """Cancel the jobs that are followed singly, evenly over the time; return how many failed."""
    start, failed = time.perf_counter(), 0
    for number, (job, owner) in enumerate(scene.jobs.items()):
        due = start + seconds * number / len(scene.jobs)
        time.sleep(max(0.0, due - time.perf_counter()))
        try:
            answer = scene.apis[0].client.post(
                f"/v1/jobs/{job}/cancel", headers=_bearer(scene.keys[owner])
            )
            failed += not answer.is_success
        except httpx.HTTPError:
            failed += 1
    return failed


def submit(pipe: Connection, port: int, secrets: list[str], rate: float, seconds: float) -> None:
    """Submit when told to, and send what came of it: a process's target."""
    pipe.recv()
    pipe.send(
        run_load(
            "127.0.0.1",
            port,
            lambda number: submission(number, secrets),
            rate=rate,
            duration_s=seconds,
        )
    )


def together(loads: list[Load]) -> Load:
    return Load(
        rate=sum(load.rate for load in loads),
        sent=sum(load.sent for load in loads),
        refused=sum(load.refused for load in loads),
        latencies_ms=sorted(value for load in loads for value in load.latencies_ms),
    )


def submission(number: int, secrets: list[str]) -> bytes:
    body = json.dumps({"text": f"Number {number}. {WORDS}"}).encode()
    head = (
        "POST /v1/jobs HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {secrets[number % len(secrets)]}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A process, and the pipe to it."""

    pid: int
    pipe: Connection


@contextmanager
def child(target: object, *arguments: object) -> Iterator[Child]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, *arguments), daemon=True)  # type: ignore[arg-type]
    process.start()
    theirs.close()
    try:
        assert process.pid is not None
        yield Child(pid=process.pid, pipe=ours)
    finally:
        ours.close()
        process.terminate()
        process.join()


def _around(keys: dict[str, str]) -> Iterator[tuple[str, str]]:
    while True:
        yield from keys.items()


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _received(pipe: Connection) -> Any:
    if not pipe.poll(WAIT_S):
        raise TimeoutError(f"a client process said nothing for {WAIT_S:.0f} s")
    return pipe.recv()


if __name__ == "__main__":
    main()
