"""Voices stored by name on this machine, which `rhapsode serve` offers as well."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from narration.database import make_engine, session_scope
from narration.errors import ConflictError, NotFoundError, SettingsError
from narration.jobs.purge import delete_voice
from narration.migrate import migrate
from narration.settings import Settings
from narration.storage.directory import DirectoryStorage
from narration.storage.profiles import open_stores
from narration.voices.enrol import Enrolment, RecordingFacts, enrol
from narration.voices.lookup import find_voice, list_voices
from narration.voices.record import Voice
from narration.voices.recording import Recording, RecordingLimits, read_recording
from rhapsode.machine import on_one_machine

OWNER = "local"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptVoice:
    """A voice of the library and the path of its recording."""

    name: str
    recording: Path


class VoiceLibrary:
    """The voices in this machine's database; a server that is running prepares new ones."""

    def __init__(self, settings: Settings) -> None:
        self._settings = on_one_machine(settings)
        self._limits = RecordingLimits(max_size_bytes=settings.limits.recording_size_bytes)
        self._stores = open_stores(self._settings)
        store = self._stores.work
        if not isinstance(store, DirectoryStorage):
            raise SettingsError("voices are stored by name on one machine only")
        self._store = store

    def add(self, name: str, recording: Path) -> None:
        """Check a recording and store a copy of it.

        Raises: SettingsError if the name is invalid; ConflictError if it is taken; RecordingError
        if the recording cannot become a voice.
        """
        if not _NAME.fullmatch(name):
            raise SettingsError(f"{name!r} is not a valid name: use letters, digits, - and _")
        decoded = read_recording(recording, self._limits)
        with self._database() as database:
            with session_scope(database, is_read_only=True) as session:
                if find_voice(session, OWNER, name) is not None:
                    raise ConflictError(f"there is a voice {name!r}: remove it first")
            self._insert(database, name, recording, decoded)

    def recording_of(self, voice: str) -> Path | None:
        """Return the recording that `voice` names: a stored one or a path; None for other names."""
        enrolled = next((found for found in self.voices() if found.name == voice), None)
        if enrolled is not None:
            return enrolled.recording
        path = Path(voice)
        return path if path.suffix or len(path.parts) > 1 else None

    def voices(self) -> list[KeptVoice]:
        """Return every stored voice, by name."""
        if not self._is_begun():
            return []
        with (
            self._database() as database,
            session_scope(database, is_read_only=True) as session,
        ):
            return [self._kept(voice) for voice in list_voices(session, OWNER)]

    def remove(self, name: str) -> None:
        """Remove a voice; jobs that were submitted with it can still use it.

        Raises: NotFoundError.
        """
        missing = NotFoundError(f"there is no voice {name!r}: `rhapsode voices list` names them")
        if not self._is_begun():
            raise missing
        with self._database() as database, session_scope(database) as session:
            voice = find_voice(session, OWNER, name)
            if voice is None:
                raise missing
            delete_voice(session, self._stores, voice.id, owner=OWNER)

    def _insert(self, database: Engine, name: str, path: Path, recording: Recording) -> None:
        facts = RecordingFacts(
            digest=recording.digest,
            duration_s=recording.duration_s,
            size_bytes=path.stat().st_size,
        )
        enrolment = Enrolment(owner=OWNER, name=name, recording=path, facts=facts)
        enrol(database, self._stores, enrolment)

    def _kept(self, voice: Voice) -> KeptVoice:
        return KeptVoice(name=voice.name, recording=self._store.path_of(voice.recording_key))

    def _is_begun(self) -> bool:
        """Return whether anything was ever stored, so that listing does not create a database."""
        return (self._settings.data_dir / "rhapsode.db").exists() or bool(self._earlier())

    @contextmanager
    def _database(self) -> Iterator[Engine]:
        migrate(self._settings.database_url)
        database = make_engine(self._settings.database_url, self._settings.database)
        try:
            for path in self._earlier():
                self._insert(database, path.stem, path, read_recording(path, self._limits))
                path.unlink()
            yield database
        finally:
            database.dispose()

    def _earlier(self) -> list[Path]:
        """Return the recordings that earlier versions stored as files."""
        folder = self._settings.data_dir / "voices"
        return [path for path in folder.glob("*") if _NAME.fullmatch(path.stem)]
