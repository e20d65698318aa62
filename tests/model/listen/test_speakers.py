import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.listen.speakers import centre, lead, share_told_apart


def near(axis: int, count: int = 4, spread: float = 0.1) -> Tensor:
    """Return unit vectors about one axis."""
    noise = torch.randn(count, 8, generator=torch.Generator().manual_seed(axis))
    return functional.normalize(torch.eye(8)[axis] + spread * noise, dim=-1)


def test_distinct_speakers_are_told_apart() -> None:
    assert share_told_apart([near(0), near(1)]) == 1


def test_two_names_of_one_speaker_are_not() -> None:
    clips = near(0, 8)
    assert share_told_apart([clips[:4], clips[4:]]) < 0.9


def test_a_clone_leads_where_it_is_like_its_own_voice() -> None:
    own, other = centre(near(0)), centre(near(1))
    assert lead(near(0, spread=0.2), own, [other]) > 0
    assert lead(near(1), own, [other]) < 0


def test_the_lead_is_over_the_nearest_of_the_others() -> None:
    own, far, close = torch.eye(8)[0], torch.eye(8)[1], functional.normalize(torch.ones(8), dim=-1)
    assert lead(own[None], own, [far, close]) == pytest.approx(1 - 8**-0.5)
