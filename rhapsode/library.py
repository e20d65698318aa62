"""Recordings kept by name on this machine, so that `--voice NAME` finds them."""

import re
from pathlib import Path

from narration.errors import ConflictError, NotFoundError, SettingsError
from narration.settings import Settings
from narration.voices.recording import RecordingLimits, read_recording
from rhapsode.outputs import copy_whole

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class VoiceLibrary:
    """A folder with one recording per voice."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.data_dir / "voices"
        self._limits = RecordingLimits(max_size_bytes=settings.limits.recording_size_bytes)

    def add(self, name: str, recording: Path) -> None:
        """Check a recording and keep a copy of it.

        Raises: SettingsError if the name cannot be one; ConflictError if it is taken;
        RecordingError if the recording makes no voice.
        """
        if not _NAME.fullmatch(name):
            raise SettingsError(f"{name!r} cannot be a name: use a-z, 0-9, - and _")
        if self.find(name) is not None:
            raise ConflictError(f"there is a voice {name!r}: remove it first")
        read_recording(recording, self._limits)
        self._folder.mkdir(parents=True, exist_ok=True)
        with recording.open("rb") as stream:
            copy_whole(stream, self._folder / f"{name}{recording.suffix.lower()}")

    def find(self, name: str) -> Path | None:
        """Return the recording of a name."""
        return next((path for path in self.paths() if path.stem == name), None)

    def recording_of(self, voice: str) -> Path | None:
        """Return the recording that `voice` names: a kept one, or a path; None for a plain name."""
        path = Path(voice)
        is_path = bool(path.suffix) or len(path.parts) > 1
        return self.find(voice) or (path if is_path else None)

    def paths(self) -> list[Path]:
        """Return every recording, by name."""
        if not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.iterdir() if _NAME.fullmatch(path.stem))

    def remove(self, name: str) -> None:
        """Forget a voice.

        Raises: NotFoundError.
        """
        path = self.find(name)
        if path is None:
            raise NotFoundError(f"there is no voice {name!r}: `rhapsode voices list` names them")
        path.unlink()
