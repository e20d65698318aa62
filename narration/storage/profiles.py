"""Opens the storage profiles of the settings; requests refer to them by name only."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from narration.errors import OutputError
from narration.settings import DirectoryProfile, Profile, Settings
from narration.storage.directory import DirectoryStorage
from narration.storage.interface import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Every profile by name, and the store for sources, voices and chunk audio."""

    profiles: Mapping[str, Storage]
    work: Storage

    def profile(self, name: str) -> Storage:
        """Return the store of a profile.

        Raises: OutputError if there is no profile of that name.
        """
        if name not in self.profiles:
            names = ", ".join(sorted(self.profiles))
            raise OutputError(f"there is no storage profile {name!r}: choose one of {names}")
        return self.profiles[name]


def open_stores(settings: Settings) -> Stores:
    """Open every profile; nothing connects before the first object is used."""
    profiles = {
        name: open_profile(profile, settings.objects_dir)
        for name, profile in settings.storage.profiles.items()
    }
    return Stores(profiles=profiles, work=profiles[settings.storage.work_profile])


def open_profile(profile: Profile, objects_dir: Path) -> Storage:
    """Open one profile; a directory profile without a path uses `objects_dir`."""
    if isinstance(profile, DirectoryProfile):
        return DirectoryStorage(profile.path or objects_dir)
    from narration.storage.s3 import S3Storage  # noqa: PLC0415 - a single machine needs no boto3

    return S3Storage(profile)
