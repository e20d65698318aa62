import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import typer

from narration.jobs.reading_record import JobWarning
from narration.jobs.request import OutputFormat
from rhapsode.cli import run
from rhapsode.commands.app import app
from rhapsode.extras import extra_of, install_command
from rhapsode.outputs import Output
from rhapsode.summary import Summary

# An interpreter in which a package is missing, whatever is installed.
WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {packages!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
from rhapsode.cli import run
sys.exit(run({arguments!r}))
"""


def without(packages: set[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    program = WITHOUT.format(packages=packages, arguments=list(arguments))
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("line", ["--help", "doctor", "render --help", "submit --help"])
def test_what_only_a_service_needs_is_loaded_by_nothing_else(line: str) -> None:
    service = {"redis", "celery", "kombu", "boto3", "fastapi", "uvicorn"}
    ended = without(service, *line.split())
    assert ended.returncode == 0, ended.stderr


def commands() -> list[tuple[str, ...]]:
    """Return every command and group, beginning with the program itself."""
    found: list[tuple[str, ...]] = [()]
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        found += [(name,), *((name, each) for each in getattr(command, "commands", ()))]
    return found


@pytest.mark.parametrize("name", commands(), ids=" ".join)
@pytest.mark.parametrize("columns", ["80", "100"])
def test_no_help_is_cut_off(
    name: tuple[str, ...],
    columns: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert run([*name, "--help"]) == 0
    usage, *lines = capsys.readouterr().out.splitlines()
    assert usage.startswith("Usage: ")  # where dots mean more of the same
    assert [line for line in lines if line.endswith("...")] == []
    assert max(map(len, lines)) <= int(columns)


def test_completion_is_offered_for_the_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    assert "--install-completion" in capsys.readouterr().out


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"rhapsode {version('rhapsode')}\n"


@pytest.mark.parametrize(
    ("arguments", "package", "extra"),
    [
        (("serve",), "uvicorn", "service"),
        (("api",), "fastapi", "service"),
        (("submit", "README.md", "-o", "x.mp3"), "httpx", "service"),
        (("render", "README.md", "-o", "x.mp3"), "torch", "render"),
        (("voices", "list"), "torch", "render"),
        (("models", "pull", "english"), "huggingface_hub", "render"),
    ],
)
def test_command_without_its_extra_names_what_to_install(
    arguments: tuple[str, ...], package: str, extra: str
) -> None:
    ended = without({package}, *arguments)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert f"needs {package}" in line
    assert f"[{extra}]" in line


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_command_without_both_extras_names_them_at_once(command: str) -> None:
    ended = without({"uvicorn", "celery", "torch"}, command)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert "[render,service]" in line


@pytest.mark.parametrize("command", ["api", "worker", "sweeper"])
def test_service_without_a_broker_says_in_one_line_what_to_set(command: str) -> None:
    ended = without(set(), command)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "RHAPSODE_BROKER__URL is not set" in ended.stderr.splitlines()[-1]


def test_doctor_tells_a_script_what_is_missing() -> None:
    ended = without({"torch"}, "doctor", "--json")
    report = json.loads(ended.stdout)
    checks = {check["subject"]: check for check in report["checks"]}
    assert (ended.returncode, report["ok"]) == (1, False)
    assert (checks["rhapsode"]["ok"], checks["engine"]["ok"]) == (True, False)
    assert checks["engine"]["remedy"]


def test_doctor_names_a_missing_extra_as_it_is_spelled() -> None:
    ended = without({"torch"}, "doctor")
    assert "Traceback" not in ended.stderr
    assert install_command("render") in map(str.strip, ended.stdout.splitlines())


def test_doctor_cuts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data_dir = tmp_path / ("long" * 30)
    monkeypatch.setenv("RHAPSODE_DATA_DIR", str(data_dir))
    monkeypatch.setenv("COLUMNS", "40")
    ended = without({"torch"}, "doctor")
    assert "…" not in ended.stdout
    assert [line for line in ended.stdout.splitlines() if line.endswith(f"  {data_dir}")]


def test_clone_is_installed_from_its_folder() -> None:
    assert str(Path(__file__).parents[3]) in install_command("render")


def test_module_of_no_extra_is_a_bug() -> None:
    assert extra_of("nonsense") is None
    assert extra_of(None) is None


def test_summary_says_the_same_to_a_person_and_to_a_script() -> None:
    summary = Summary(
        job_id="job_1",
        file=Path("a.md"),
        outputs=[Output(path=Path("a.mp3"), format=OutputFormat.MP3)],
        manifest=None,
        speech_s=90.0,
        elapsed_s=30.0,
        chunks=9,
        chunks_reused=2,
        chunks_flagged=1,
    )
    assert summary.line() == (
        "a.mp3: 1:30 of speech in 9 chunks, 1 flagged, 0:30 elapsed, 3.0x real time"
    )
    assert json.loads(summary.as_json())["chunks_reused"] == 2


def test_summary_ends_with_its_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    summary = Summary(
        job_id="job_1",
        file=Path("a.md"),
        outputs=[],
        manifest=None,
        speech_s=90.0,
        elapsed_s=30.0,
        chunks=9,
        chunks_reused=2,
        chunks_flagged=0,
        warnings=[JobWarning(code="text_skipped", detail="9 % is not read")],
    )
    summary.show(is_quiet=False, as_json=False)
    assert capsys.readouterr().err == "warning: 9 % is not read\n"
    assert json.loads(summary.as_json())["warnings"][0]["code"] == "text_skipped"
