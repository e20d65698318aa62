"""The voices that a worker can speak with: the model's, and those made from recordings."""

import tempfile
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from narration.errors import NotFoundError, RecordingError, VoiceNotReady
from narration.jobs.record import Job
from narration.jobs.stored import read_settings
from narration.storage.interface import Storage
from narration.voices.lookup import find_voice
from narration.voices.record import Voice as VoiceRow
from narration.voices.record import VoiceState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.chatterbox.voice import Voice

CAPACITY = 64  # a conditioning is about 200 kB


class VoiceCache:
    """Finds voices by their owners' names for them, and caches those used most recently."""

    def __init__(
        self,
        *,
        bundled: "Mapping[str, Voice]",
        load: "Callable[[Path], Voice]",
        store: Storage,
    ) -> None:
        self._bundled = bundled
        self._load = load
        self._store = store
        self._loaded: OrderedDict[str, Voice] = OrderedDict()
        self._guard = threading.Lock()

    def find(self, session: Session, job: Job) -> "VoiceRow | Voice":
        """Return the voice that was pinned when the job was submitted.

        Jobs of versions that did not pin it get the owner's voice of that name or id, else the
        model's.

        Raises: NotFoundError; RecordingError if preparing it failed; VoiceNotReady.
        """
        name_or_id = job.voice or read_settings(job.settings).voice
        if job.voice is None:
            row = find_voice(session, job.owner, name_or_id)
        else:
            row = session.get(VoiceRow, job.voice)
        if row is not None:
            return _require_ready(row)
        if name_or_id in self._bundled:
            return self._bundled[name_or_id]
        bundled = ", ".join(sorted(self._bundled))
        raise NotFoundError(f"there is no voice {name_or_id!r}: the model brings {bundled}")

    def load(self, row_or_voice: "VoiceRow | Voice") -> "Voice":
        """Return the conditioning of a voice that `find` returned; reads the object store once."""
        if not isinstance(row_or_voice, VoiceRow):
            return row_or_voice
        digest, key = row_or_voice.digest, row_or_voice.conditioning_key
        assert digest is not None
        assert key is not None
        with self._guard:
            voice = self._loaded.get(digest) or self._read(key)
            self._loaded[digest] = voice
            self._loaded.move_to_end(digest)
            while len(self._loaded) > CAPACITY:
                self._loaded.popitem(last=False)
        return voice

    def _read(self, key: str) -> "Voice":
        with tempfile.NamedTemporaryFile(suffix=".pt") as file:
            file.write(self._store.get(key))
            file.flush()
            return self._load(Path(file.name))


def _require_ready(row: VoiceRow) -> VoiceRow:
    if row.state is VoiceState.FAILED:
        raise RecordingError(f"voice {row.name!r} cannot be used: {row.error}")
    if row.state is VoiceState.PREPARING:
        raise VoiceNotReady(f"voice {row.name!r} is still being prepared")
    return row
