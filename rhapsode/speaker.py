"""Opens the model that the settings name as a speaker. Loads torch."""

from narration.settings import Settings
from worker import engine_room
from worker.chatterbox.hub import resolve_model
from worker.station import Speaker


def open_speaker(settings: Settings) -> Speaker:
    """Find the checkpoint, load it and start its engine.

    Raises: NotFoundError, CheckpointError or SettingsError if it cannot be used as asked.
    """
    folder = resolve_model(settings.model.checkpoint)
    return engine_room.open_speaker(
        folder, settings.model, cache_folder=settings.data_dir / "engine"
    )
