from dataclasses import replace

import pytest

from narration.jobs.sound import RenderParameters
from narration.voices.delivery import DeliverySettings
from tests.fakes import TONE

PARAMETERS = RenderParameters(
    voice_digest="v", delivery=DeliverySettings(), job_seed=0, engine=TONE
)


@pytest.mark.parametrize(
    "other",
    [
        replace(PARAMETERS, voice_digest="w"),
        replace(PARAMETERS, delivery=DeliverySettings(exaggeration=0.7)),
        replace(PARAMETERS, job_seed=1),
    ],
)
def test_whatever_shapes_the_sound_changes_seed_and_key(other: RenderParameters) -> None:
    assert other.seed("Text.", 0) != PARAMETERS.seed("Text.", 0)
    assert other.cache_key("Text.", 0) != PARAMETERS.cache_key("Text.", 0)


def test_takes_and_texts_have_seeds_of_their_own() -> None:
    seeds = {PARAMETERS.seed(text, take) for text in ("One.", "Two.") for take in range(3)}
    assert len(seeds) == 6


@pytest.mark.parametrize("field", ["revision", "back_end", "precision", "device", "model"])
def test_another_engine_has_the_same_seed_and_another_key(field: str) -> None:
    other = replace(PARAMETERS, engine=replace(TONE, **{field: "other"}))
    assert other.seed("Text.", 0) == PARAMETERS.seed("Text.", 0)
    assert other.cache_key("Text.", 0) != PARAMETERS.cache_key("Text.", 0)


def test_seeds_fit_signed_64_bit_columns_and_do_not_change_between_versions() -> None:
    seed = PARAMETERS.seed("Text.", 0)
    assert 0 <= seed < 2**63
    assert seed == 8057570830328720322  # any other number would make every chunk cache useless
