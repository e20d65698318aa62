"""What determines a chunk's sound, and two values derived from it: its seed and its cache key."""

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Self

from narration.engine import EngineIdentity
from narration.jobs.request import Voicing
from narration.voices.delivery import DeliverySettings

SEED_BYTES = 8
_to_json = json.JSONEncoder(sort_keys=True).encode  # made once: a book needs thousands of digests


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderParameters:
    """Everything that determines the sound of a chunk except its text and take number."""

    voice_digest: str
    delivery: DeliverySettings
    job_seed: int
    engine: EngineIdentity

    def with_voicing(self, voicing: Voicing) -> Self:
        """Return the parameters of a chunk with a voicing of its own."""
        seed = self.job_seed if voicing.seed is None else voicing.seed
        return replace(self, delivery=voicing.delivery or self.delivery, job_seed=seed)

    def seed(self, spoken_text: str, take: int) -> int:
        """Return the seed of a take; it does not depend on neighbours, order or engine."""
        sound = (self.job_seed, spoken_text, self.voice_digest, self.delivery.model_dump(), take)
        # 63 bits: the databases and torch use signed 64-bit integers.
        return int.from_bytes(_digest(sound).digest()[:SEED_BYTES], "big") >> 1

    def cache_key(self, spoken_text: str, take: int) -> str:
        """Return the digest by which a take is found again, in this job or any other."""
        return self.seed_and_key(spoken_text, take)[1]

    def seed_and_key(self, spoken_text: str, take: int) -> tuple[int, str]:
        """Return a take's seed and cache key, each of which takes a digest of the text."""
        seed = self.seed(spoken_text, take)
        delivery = self.delivery.model_dump()
        sound = (spoken_text, self.voice_digest, delivery, seed, _describe(self.engine))
        return seed, _digest(sound).hexdigest()


@cache
def _describe(engine: EngineIdentity) -> dict[str, Any]:
    return engine.describe()


def _digest(content: object) -> "hashlib._Hash":
    return hashlib.sha256(_to_json(content).encode())
