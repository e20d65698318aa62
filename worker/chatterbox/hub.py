"""Model folders: downloads them from the Hugging Face hub, verifies them, finds them by name.

Revisions are pinned. The hub declares a digest for each file; a pull checks the content against it
and writes the SHA-256 of the accepted content to `SHA256SUMS` beside the files. No other source
publishes digests, so the first pull trusts the hub's declaration; every later check uses the
record. HF_HOME, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE have their usual meaning.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from huggingface_hub import constants, is_offline_mode

from narration.demonstration import MODEL as DEMO
from narration.errors import CheckpointError, NotFoundError, OutputError
from worker.chatterbox.download import HubFile, fetch, look_up, matches, repository_cache
from worker.chatterbox.parts import parts_of

DEMO_FOLDER = Path(__file__).with_name("demo")
_RECORD = "SHA256SUMS"
# A folder without these is no model; the voice may come from elsewhere.
NEEDED = ("t3_cfg.safetensors", "s3gen.safetensors", "ve.safetensors", "tokenizer.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class HubModel:
    """A model on the hub: where it is and which of its files are needed."""

    name: str
    repository: str
    revision: str  # a commit, because a branch may change
    files: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """The folder a pull creates, in the hub's own cache layout."""
        return repository_cache(self.repository) / "snapshots" / self.revision

    @property
    def is_present(self) -> bool:
        """Whether every file is there; `verify` also checks their content."""
        return all((self.folder / file).exists() for file in self.files)


MODELS = {
    model.name: model
    for model in (
        HubModel(
            name="english",
            repository="ResembleAI/chatterbox",
            revision="1b475dffa71fb191cb6d5901215eb6f55635a9b6",
            files=(*NEEDED, "conds.pt"),
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PullProgress:
    """The progress of a pull over all files of a model."""

    file: str
    done_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """One line in the output of `models list`."""

    name: str
    source: str
    folder: Path | None  # None while it is not installed
    size_bytes: int


def list_models() -> list[ModelStatus]:
    """List the known models and whether they are installed, the bundled one first."""
    bundled = _status(DEMO, "bundled", DEMO_FOLDER, is_present=DEMO_FOLDER.is_dir())
    return [bundled] + [
        _status(m.name, f"{m.repository}@{m.revision[:8]}", m.folder, is_present=m.is_present)
        for m in MODELS.values()
    ]


def resolve_model(name_or_folder: str | Path) -> Path:
    """Find the folder of a model by its name or take a folder as it is.

    Raises: NotFoundError if the model was not pulled yet or there is no such name or folder.
    """
    name = str(name_or_folder)
    if name in MODELS:
        if not MODELS[name].is_present:
            raise NotFoundError(
                f'model "{name}" is not on this machine: run `rhapsode models pull {name}`'
            )
        return MODELS[name].folder
    if name == DEMO:
        if not DEMO_FOLDER.is_dir():
            raise NotFoundError(
                f'this build has no bundled model "{DEMO}": name another or a folder'
            )
        return DEMO_FOLDER
    if Path(name_or_folder).is_dir():
        return Path(name_or_folder)
    raise NotFoundError(
        f'there is no model and no folder "{name}": models are {", ".join([DEMO, *MODELS])}'
    )


def bring(name_or_folder: str, progress: Callable[[PullProgress], None] | None = None) -> Path:
    """Pull a model from the hub, or make sure that the bundled model or a folder is complete.

    Raises: CheckpointError naming the files that a folder lacks, and whatever `pull` raises.
    """
    if name_or_folder in MODELS:
        return pull(name_or_folder, progress)
    folder = resolve_model(name_or_folder)
    missing = [name for name in NEEDED if not parts_of(folder / name)]
    if missing:
        raise CheckpointError(f"{folder} lacks {', '.join(missing)}: copy the whole model there")
    return folder


def pull(name: str, progress: Callable[[PullProgress], None] | None = None) -> Path:
    """Download a model, resuming an earlier pull; return its folder.

    A complete model needs no hub.
    Raises: NotFoundError for an unknown model or offline, TransientError if the hub does not
    answer, OutputError if there is no room, CheckpointError if a file arrives damaged, or is
    offline.
    """
    model = _find_model(name)
    damaged = _damaged(model.folder) if model.is_present else None
    if damaged == []:
        return model.folder
    if is_offline_mode():
        if model.is_present and damaged is None:
            return model.folder
        if damaged:
            raise CheckpointError(
                f'{", ".join(damaged)} of model "{name}" changed since the pull and '
                "HF_HUB_OFFLINE is set: unset it to mend it"
            )
        raise NotFoundError(
            f'model "{name}" is not on this machine and HF_HUB_OFFLINE is set: unset it to pull'
        )
    files = [look_up(model.repository, model.revision, file) for file in model.files]
    _check_room(files)
    done_bytes, total = 0, sum(file.size_bytes for file in files)

    def report(file: str, arrived: int) -> None:
        nonlocal done_bytes
        done_bytes += arrived
        if progress is not None:
            progress(PullProgress(file=file, done_bytes=done_bytes, total_bytes=total))

    for file in files:
        fetch(file, partial(report, file.name))
    _record(model, files)
    return model.folder


def verify(name: str) -> Path:
    """Read every file of a model and compare it with its record; return its folder.

    Raises: NotFoundError if the model is not there or has no record, CheckpointError naming the
    files that changed or are missing.
    """
    folder = resolve_model(name)
    damaged = _damaged(folder)
    if damaged is None:
        raise NotFoundError(
            f'model "{name}" has no {_RECORD}: only what was pulled can be verified'
        )
    if damaged:
        raise CheckpointError(
            f'{", ".join(damaged)} of model "{name}" changed since the pull: '
            f"run `rhapsode models pull {name}` to mend it"
        )
    return folder


def _damaged(folder: Path) -> list[str] | None:
    """Return the names of files that differ from the record; None if there is no record."""
    try:
        lines = (folder / _RECORD).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    expected = [line.split("  ", 1) for line in lines]
    return [file for digest, file in expected if not _is_intact(folder / file, digest)]


def _is_intact(path: Path, digest: str) -> bool:
    return path.exists() and matches(path, digest)


def _find_model(name: str) -> HubModel:
    if name not in MODELS:
        raise NotFoundError(f'the hub has no model "{name}": pull one of {", ".join(MODELS)}')
    return MODELS[name]


def _status(name: str, source: str, folder: Path, *, is_present: bool) -> ModelStatus:
    files = [path for path in folder.rglob("*") if path.is_file()] if is_present else []
    return ModelStatus(
        name=name,
        source=source,
        folder=folder if is_present else None,
        size_bytes=sum(path.stat().st_size for path in files),
    )


def _check_room(files: list[HubFile]) -> None:
    """Check for free space before downloading; another process may still fill the disk."""
    cache = Path(constants.HF_HUB_CACHE)
    cache.mkdir(parents=True, exist_ok=True)
    needed = sum(file.missing_bytes for file in files)
    free = shutil.disk_usage(cache).free
    if needed > free:
        raise OutputError(
            f"no room in {cache}: {needed / 1e9:.1f} GB are missing and {free / 1e9:.1f} GB are "
            "free; free some space or set HF_HOME to another disk"
        )


def _record(model: HubModel, files: list[HubFile]) -> None:
    lines = [f"{file.sha256()}  {file.name}\n" for file in files]
    (model.folder / _RECORD).write_text("".join(lines), encoding="utf-8")
