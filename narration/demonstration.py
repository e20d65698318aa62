"""The bundled model by its name, and what is said wherever it speaks."""

from collections.abc import Iterable

from narration.engine import EngineIdentity

MODEL = "demo"
NOTICE = "This is the small bundled demonstration voice, not Chatterbox's own"
ON_ONE_MACHINE = f"{NOTICE}: `rhapsode models pull english`, then `--model english`."
IN_THE_SERVICE = f"{NOTICE}: set RHAPSODE_MODEL__CHECKPOINT=english and start the workers again."


def is_speaking(engines: Iterable[EngineIdentity | None]) -> bool:
    """Tell whether one of the engines of workers or of a job is the bundled model."""
    return any(engine is not None and engine.model == MODEL for engine in engines)
