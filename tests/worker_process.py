"""A worker process that hums: `python -m tests.worker_process cpu,gpu`, settings from outside."""

import sys

from narration.broker import Queue
from narration.settings import load_settings
from tests.fakes import ToneEngine
from tests.stations import make_speaker
from worker.app import run_worker


def main() -> int:
    queues = frozenset(Queue(name) for name in sys.argv[1].split(","))
    chunk_s = float(sys.argv[2])
    return run_worker(load_settings(), queues, lambda _: make_speaker(ToneEngine(chunk_s=chunk_s)))


if __name__ == "__main__":
    sys.exit(main())
