"""`python -m tests.fuzz`: ten thousand calls of all kinds, on one machine and over servers."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path

from rich.console import Console

from tests.fuzz.run import Outcome, fuzz
from tests.fuzz.targets import Target, embedded, service
from tests.servers import Postgres, SeaweedFS, Valkey

Opened = Callable[[bool], AbstractContextManager[Target]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000, help="over all servers together")
    parser.add_argument("--examples", type=int, default=50, help="for each operation and pass")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--max-response-s", type=float, default=2.0)
    parser.add_argument("--only", choices=["embedded", "service"])
    options = parser.parse_args()
    console = Console()
    has_failed = False
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        kinds = _kinds(Path(folder), stack, options.only)
        for name, opened in kinds.items():
            for has_keys in (False, True):
                started = time.monotonic()
                with opened(has_keys) as target:
                    outcome = fuzz(
                        target,
                        calls=options.calls // (2 * len(kinds)),
                        examples=options.examples,
                        max_response_s=options.max_response_s,
                        seed=options.seed,
                    )
                has_failed |= bool(outcome.failures)
                keys = "with keys" if has_keys else "without keys"
                show(console, f"{name}, {keys}", outcome, time.monotonic() - started)
    return int(has_failed)


def _kinds(folder: Path, stack: ExitStack, only: str | None) -> dict[str, Opened]:
    kinds: dict[str, Opened] = {}
    if only != "service":
        kinds["embedded"] = lambda has_keys: embedded(
            folder / f"embedded-{has_keys}", has_keys=has_keys
        )
    if only != "embedded":
        servers = [stack.enter_context(closing(kind())) for kind in (Postgres, Valkey, SeaweedFS)]
        kinds["service"] = lambda has_keys: service(
            folder / f"service-{has_keys}", *servers, has_keys=has_keys
        )
    return kinds


def show(console: Console, title: str, outcome: Outcome, took_s: float) -> None:
    console.print(f"{title}: {outcome.calls} calls in {took_s:.0f} s; statuses {outcome.statuses}")
    for number, sizes in enumerate(outcome.memory_mib, 1):
        shown = ", ".join(f"{name} {size:.0f}" for name, size in sizes.items())
        console.print(f"  MiB after pass {number}: {shown}")
    for failure in outcome.failures:
        console.print(failure, markup=False)


if __name__ == "__main__":
    sys.exit(main())
