"""The commands of docs/deploy.md and README, which Compose accepts; needs no engine."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPOSE = Path(sys.executable).parent / "docker-compose"
# Compose reads flags before it looks for an engine; `config` reads what `up` would start.
DOCKER = f"""#!/bin/sh -e
[ "$1" = compose ] && shift
{COMPOSE} "$@" --help > /dev/null
{COMPOSE} config --quiet
echo "$@" >> called
"""
CURL = '#!/bin/sh\necho "curl $@" >> called\n'


def run_guide(folder: Path, block: str) -> subprocess.CompletedProcess[str]:
    """Run a block like a user who has filled in the secrets."""
    filled = re.sub(
        r"(?m)^(cp \.env\.example \.env).*$", r"\1; sed -i 's/^\\(\\w*\\)=$/\\1=x/' .env", block
    )
    return subprocess.run(
        ["sh", "-euc", filled],
        check=False,
        cwd=folder,
        env={"PATH": f"{folder}/bin:{os.environ['PATH']}", "HOME": str(folder)},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in (".env.example", "docker-compose.yml", "Dockerfile.cpu", "Dockerfile.gpu"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "infra").symlink_to(ROOT / "infra")
    (tmp_path / "bin").mkdir()
    for name, script in (("docker", DOCKER), ("curl", CURL)):
        (tmp_path / "bin" / name).write_text(script)
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("page", ["docs/deploy.md", "README.md"])
def test_compose_knows_what_the_guide_tells_to_type(clone: Path, page: str) -> None:
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"))
    (block,) = [block for block in blocks if "docker compose" in block]
    told = "\n".join(line for line in block.splitlines() if not line.startswith(".venv"))
    done = run_guide(clone, told)
    assert done.returncode == 0, done.stderr
    called = (clone / "called").read_text().splitlines()
    assert called[0] == "up --build --detach --wait"


def test_a_flag_that_compose_does_not_know_is_noticed(clone: Path) -> None:
    block = "cp .env.example .env\ndocker compose up --for-ever\n"
    assert run_guide(clone, block).returncode != 0
