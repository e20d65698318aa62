"""Measures how soon a killed `rhapsode serve` speaks again: `python -m tests.bench.restart`.

It is started on a new folder, killed with SIGKILL while it speaks a story, and started again.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, select

from narration.database import make_engine, session_scope
from narration.jobs.record import Job, Segment
from narration.settings import Settings
from tests.cluster import wait_for

STORY = Path("examples/the-selfish-giant.md")
CHUNKS = 3  # spoken before the process is killed
TIMEOUT_S = 300.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.model)
    table = Table("after its start", "seconds")
    for name, seconds in figures.items():
        table.add_row(name, f"{seconds:.1f}")
    Console().print(table)
    if options.out is not None:
        options.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def measure(folder: Path, model: str) -> dict[str, float]:
    """Return the seconds from a start until each step, with nothing to do and after SIGKILL."""
    database = make_engine(Settings(data_dir=folder).database_url)
    figures: dict[str, float] = {}
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    served, started = serve(folder, model, port)
    try:
        wait_for(lambda: answers(port), TIMEOUT_S, "an answer")
        figures["answers for the first time"] = time.monotonic() - started
        body = {"text": STORY.read_text(encoding="utf-8"), "format": "markdown"}
        httpx.post(f"http://127.0.0.1:{port}/v1/jobs", json=body).raise_for_status()
        wait_for(lambda: chunks_done(database) >= CHUNKS, TIMEOUT_S, "some chunks")
        end(served)
        done, lost = chunks_done(database), holders(database)
        served, started = serve(folder, model, port)
        steps: dict[str, Callable[[], bool]] = {
            "killed: speaks": lambda: bool(holders(database) - lost),
            "killed: answers": lambda: answers(port),
            "killed: next chunk is stored": lambda: chunks_done(database) > done,
        }
        with ThreadPoolExecutor(len(steps)) as pool:
            seconds = pool.map(lambda step: seconds_until(step, started), steps.values())
            figures |= dict(zip(steps, seconds, strict=True))
    finally:
        end(served)
        database.dispose()
    return figures


def seconds_until(is_so: Callable[[], bool], started: float) -> float:
    wait_for(is_so, TIMEOUT_S, "work")
    return time.monotonic() - started


def serve(folder: Path, model: str, port: int) -> tuple[subprocess.Popen[bytes], float]:
    command = [sys.executable, "-m", "rhapsode", "serve", "--model", model, "--port", str(port)]
    environment = os.environ | {"RHAPSODE_DATA_DIR": str(folder)}
    return subprocess.Popen(command, env=environment), time.monotonic()


def end(served: subprocess.Popen[bytes]) -> None:
    served.send_signal(signal.SIGKILL)
    served.wait()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/livez").is_success
    except httpx.TransportError:
        return False


def chunks_done(database: Engine) -> int:
    with session_scope(database, is_read_only=True) as session:
        return session.scalar(select(Job.chunks_done)) or 0


def holders(database: Engine) -> set[str | None]:
    """Return the processes that speak, or spoke when they ended."""
    with session_scope(database, is_read_only=True) as session:
        query = select(Segment.lease_holder).where(Segment.lease_holder.is_not(None))
        return set(session.scalars(query))


if __name__ == "__main__":
    main()
