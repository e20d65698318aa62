"""The name of the bundled model, and the notice shown wherever it speaks."""

from collections.abc import Iterable

from narration.engine import EngineIdentity

MODEL = "demo"
NOTICE = "This is the small bundled demonstration voice, not Chatterbox's own"
ON_ONE_MACHINE = f"{NOTICE}: `rhapsode models pull english`, then `--model english`."
IN_THE_SERVICE = f"{NOTICE}: set RHAPSODE_MODEL__CHECKPOINT=english and start the workers again."


def is_speaking(engines: Iterable[EngineIdentity | None]) -> bool:
    """Return whether one of these engines is the bundled model."""
    return any(engine is not None and engine.model == MODEL for engine in engines)
