from pathlib import Path

import numpy as np
import pytest
import soundfile

from narration.database import make_engine, session_scope
from narration.errors import ConflictError, NotFoundError, RecordingError, SettingsError
from narration.settings import Settings
from narration.voices.lookup import find_voice
from narration.voices.record import VoiceState
from rhapsode.library import OWNER, VoiceLibrary


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "anna.wav"
    noise = np.random.default_rng(0).normal(0, 0.1, 6 * 24_000)
    soundfile.write(path, noise.astype(np.float32), 24_000)
    return path


def test_voice_that_is_kept_is_a_voice_of_the_server(settings: Settings, recording: Path) -> None:
    VoiceLibrary(settings).add("anna", recording)
    database = make_engine(settings.database_url)
    with session_scope(database, is_read_only=True) as session:
        voice = find_voice(session, OWNER, "anna")
    database.dispose()
    assert voice is not None
    assert voice.state is VoiceState.PREPARING


def test_kept_voice_is_found_by_its_name(settings: Settings, recording: Path) -> None:
    library = VoiceLibrary(settings)
    library.add("anna", recording)
    found = library.recording_of("anna")
    assert found is not None
    assert found.read_bytes() == recording.read_bytes()
    assert [voice.name for voice in library.voices()] == ["anna"]


def test_name_is_taken_once(settings: Settings, recording: Path) -> None:
    library = VoiceLibrary(settings)
    library.add("anna", recording)
    with pytest.raises(ConflictError, match="remove it first"):
        library.add("anna", recording)


def test_removed_voice_leaves_nothing(settings: Settings, recording: Path) -> None:
    library = VoiceLibrary(settings)
    library.add("anna", recording)
    library.remove("anna")
    assert library.voices() == []
    assert [path for path in settings.objects_dir.rglob("*") if path.is_file()] == []
    with pytest.raises(NotFoundError):
        library.remove("anna")


@pytest.mark.parametrize("name", ["", "a b", "../up", "-x", "a" * 65])
def test_name_that_is_no_name_is_refused(settings: Settings, recording: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="is not a valid name"):
        VoiceLibrary(settings).add(name, recording)


def test_recording_that_makes_no_voice_is_not_kept(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "noise.wav").write_bytes(b"RIFF")
    library = VoiceLibrary(settings)
    with pytest.raises(RecordingError):
        library.add("anna", tmp_path / "noise.wav")
    assert library.voices() == []


def test_looking_into_an_empty_library_makes_no_database(settings: Settings) -> None:
    assert VoiceLibrary(settings).recording_of("anna") is None
    assert not settings.data_dir.exists()


def test_path_is_a_recording_by_itself(settings: Settings) -> None:
    assert VoiceLibrary(settings).recording_of("my/voice.wav") == Path("my/voice.wav")


def test_recordings_of_earlier_versions_are_taken_over(settings: Settings, recording: Path) -> None:
    folder = settings.data_dir / "voices"
    folder.mkdir(parents=True)
    (folder / "ben.wav").write_bytes(recording.read_bytes())
    assert [voice.name for voice in VoiceLibrary(settings).voices()] == ["ben"]
    assert list(folder.iterdir()) == []
