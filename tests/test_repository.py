"""The rules of the code base that can be checked automatically."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAX_MODULE_LINES = 300
MAX_FUNCTION_LINES = 40  # the aim is 8
NARROWING = re.compile(r"[\w.\[\]]+ is not None|isinstance\(.+\)")


def tracked(*patterns: str) -> list[Path]:
    """Return files that git tracks, so that build outputs do not count."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return [ROOT / name for name in listing.split("\0") if name and (ROOT / name).exists()]


PYTHON_FILES = tracked("*.py")
SOURCES = [p for p in PYTHON_FILES if p.relative_to(ROOT).parts[0] != "tests"]


def names(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PYTHON_FILES, ids=names)
def test_module_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_MODULE_LINES


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_functions_are_short(path: Path) -> None:
    def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
        body = node.body[1:] if ast.get_docstring(node) else node.body
        return (node.end_lineno or 0) - body[0].lineno + 1 if body else 0

    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert not [f.name for f in functions if body_lines(f) > MAX_FUNCTION_LINES]


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_package_markers_are_empty(path: Path) -> None:
    if path.name == "__init__.py":
        assert path.read_text(encoding="utf-8") == ""


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_asserts_only_tell_the_type_checker_what_is_known(path: Path) -> None:
    """`python -O` removes asserts, so a broken guarantee raises an error of its own."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    asserted = [ast.unparse(node.test) for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    assert not [each for each in asserted if not NARROWING.fullmatch(each)]


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_environment_is_read_in_settings_only(path: Path) -> None:
    if names(path) not in {"narration/settings.py", "narration/environment.py"}:
        assert not re.search(r"\bos\.(environ|getenv)\b", path.read_text(encoding="utf-8"))


def test_constraints_name_versions_and_no_places() -> None:
    for path in ROOT.glob("constraints-*.txt"):
        lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        assert lines
        wrong = [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+( ;.*)?", line)]
        assert not wrong, f"{path.name}: {wrong}"


def test_readme_names_only_real_make_targets() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    documented = set(re.findall(r"^make ([a-z-]+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert documented
    assert documented <= targets


def test_no_file_is_larger_than_sixteen_megabytes() -> None:
    assert not [names(p) for p in tracked() if p.stat().st_size > 16_000_000]


def test_architecture_names_every_module() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:\w+/)*(\w+)(?:\.py)?`", page.split("## Glossary")[0]))
    described_as_one = re.compile(
        r"narration/(text|documents)/|worker/chatterbox/|worker/assembly/(files|parts)/"
        r"|worker/engine/vllm_|api/routes/|rhapsode/commands/|.*/__\w+__\.py"
    )
    modules = tracked("narration/*.py", "worker/*.py", "api/*.py", "rhapsode/*.py")
    assert len(modules) > 200
    missing = [names(path) for path in modules if path.stem not in named]
    assert not [name for name in missing if not described_as_one.match(name)]
