"""`python -m tests.faults`: a hundred jobs under every fault that can be injected, as a table."""

import argparse
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.faults.suite import Report, run_suite
from tests.faults.verdict import KINDS
from tests.servers import Postgres, SeaweedFS, Valkey


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout-s", type=float, default=1200)
    parser.add_argument("--model", type=Path, help="a checkpoint folder to speak with; else tones")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Postgres()) as postgres,
        closing(Valkey()) as valkey,
        closing(SeaweedFS()) as seaweedfs,
    ):
        report = run_suite(
            Path(folder),
            postgres,
            valkey,
            seaweedfs,
            jobs=options.jobs,
            seed=options.seed,
            timeout_s=options.timeout_s,
            checkpoint=options.model,
        )
    show(report)
    return 1 if report.verdict.wrong else 0


def show(report: Report) -> None:
    table = Table(title=f"{report.jobs} jobs, {report.chunks} chunks, {report.took_s:.0f} s")
    table.add_column("what")
    table.add_column("times", justify="right")
    for name, count in sorted(report.faults.items()):
        table.add_row(name, str(count))
    table.add_section()
    for name, count in sorted(report.ends.items()):
        table.add_row(f"jobs {name}", str(count))
    table.add_section()
    for kind in KINDS:
        table.add_row(kind, str(report.verdict.wrong[kind]))
    console = Console()
    console.print(table)
    for detail in report.verdict.details[:20]:
        console.print(detail)


if __name__ == "__main__":
    sys.exit(main())
