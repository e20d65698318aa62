"""Ctrl-C, in processes of their own: in one line and with the exit code of shells."""

import subprocess
import sys

import pytest

BEGIN = "import os, signal; from rhapsode.interrupts import *; press = lambda: os.kill(0, 2)\n"
FINISHING = (
    "rhapsode: finishing the chunks that are being spoken; press Ctrl-C again to quit at once\n"
)
LINE = "rhapsode: interrupted; run the same command again to go on\n"


def ended(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BEGIN + program],
        capture_output=True, text=True, check=False, start_new_session=True,
        preexec_fn=_heed_interrupts,
    )  # fmt: skip


def _heed_interrupts() -> None:
    import signal

    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_an_interrupt_ends_a_process_without_work_at_once() -> None:
    process = ended("""
end_at_once_on_interrupt()
try:
    press()
finally:
    print("unwound")
""")
    assert (process.returncode, process.stdout, process.stderr) == (130, "", LINE)


def test_the_first_interrupt_unwinds_a_process_with_work() -> None:
    process = ended("""
with Interrupts() as interrupts:
    interrupts.arm(raise_interrupt, [signal.SIGINT])
    try:
        press()
    except KeyboardInterrupt:
        print("unwound")
""")
    assert (process.returncode, process.stdout, process.stderr) == (0, "unwound\n", FINISHING)


def test_the_second_interrupt_kills_it() -> None:
    process = ended("""
with Interrupts() as interrupts:
    interrupts.arm(lambda: None)
    press()
    press()
    print("still there")
""")
    assert (process.returncode, process.stdout, process.stderr) == (130, "", LINE)


@pytest.mark.parametrize("is_ignored", [True, False])
def test_a_background_job_of_a_script_ignores_interrupts(*, is_ignored: bool) -> None:
    handler = "SIG_IGN" if is_ignored else "default_int_handler"
    process = ended(f"""
signal.signal(signal.SIGINT, signal.{handler})
end_at_once_on_interrupt()
press()
""")
    assert process.returncode == (0 if is_ignored else 130)


def test_the_entry_loads_nothing_heavy_before_interrupts_count() -> None:
    process = ended("""
import sys, rhapsode.cli
sys.exit(bool({"pydantic", "typer", "torch", "structlog"} & set(sys.modules)))
""")
    assert process.returncode == 0
