import pytest

from narration.errors import (
    DatabaseUnavailable,
    DiskFull,
    DocumentError,
    EngineDied,
    LeaseLost,
    QualityError,
    StorageFull,
    StorageUnavailable,
    VoiceNotReady,
)
from worker.lease_runner import Reaction, reaction_to


@pytest.mark.parametrize(
    ("error", "reaction"),
    [
        (LeaseLost(), Reaction.DROP),
        (EngineDied(), Reaction.ABANDON),
        (StorageUnavailable(), Reaction.WAIT),
        (StorageFull(), Reaction.WAIT),
        (DatabaseUnavailable(), Reaction.WAIT),
        (DiskFull(), Reaction.WAIT),
        (VoiceNotReady(), Reaction.DEFER),
        (DocumentError(), Reaction.FAIL),
        (QualityError(), Reaction.FAIL),
        (KeyError("a bug"), Reaction.DEFER),
    ],
)
def test_class_of_an_error_decides(error: Exception, reaction: Reaction) -> None:
    assert reaction_to(error) is reaction
