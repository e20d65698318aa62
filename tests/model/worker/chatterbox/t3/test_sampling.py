import pytest
import torch

from worker.chatterbox.t3.sampling import (
    Sampling,
    Settings,
    choose,
    draw,
    keep_min_p,
    keep_top_p,
    make_noise,
    penalize,
)

CPU = torch.device("cpu")


def test_drawing_follows_the_distribution() -> None:
    probabilities = torch.tensor([[0.0, 0.1, 0.0, 0.6, 0.3, 0.0]])
    noise = (torch.arange(10_000, dtype=torch.float64) + 0.5) / 10_000
    tokens = draw(probabilities.expand(len(noise), -1), noise)
    shares = torch.bincount(tokens, minlength=6) / len(noise)
    assert torch.allclose(shares, probabilities[0], atol=2e-4)


@pytest.mark.parametrize("extreme", [0.0, 1 - 2.0**-53])
def test_extreme_noise_draws_a_possible_token(extreme: float) -> None:
    probabilities = torch.tensor([[0.0, 0.5, 0.5, 0.0]])
    token = draw(probabilities, torch.tensor([extreme], dtype=torch.float64))
    assert probabilities[0, token] > 0


def test_noise_depends_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = make_noise(7, 50)
    torch.rand(3)
    assert torch.equal(make_noise(7, 50), first)
    assert torch.equal(make_noise(7, 90)[:50], first)
    assert not torch.equal(make_noise(8, 50), first)


def test_penalty_pulls_both_signs_down() -> None:
    logits = torch.tensor([[2.0, -2.0, 2.0]])
    seen = torch.tensor([[True, True, False]])
    assert penalize(logits, seen, torch.tensor([[2.0]])).tolist() == [[1.0, -4.0, 2.0]]


def test_min_p_keeps_what_is_near_the_likeliest() -> None:
    weights = torch.tensor([[0.5, 0.3, 0.15, 0.05]])
    kept = keep_min_p(weights, torch.tensor([[0.4]])) > 0
    assert kept.tolist() == [[True, True, False, False]]


@pytest.mark.parametrize(
    ("top_p", "kept"),
    [(0.45, [1, 0, 0, 0]), (0.6, [1, 1, 0, 0]), (0.9, [1, 1, 1, 0]), (1.0, [1, 1, 1, 1])],
)
def test_top_p_keeps_the_smallest_set_that_reaches_it(top_p: float, kept: list[int]) -> None:
    weights = 0.7 * torch.tensor([[0.5, 0.3, 0.15, 0.05]])  # min-p may have taken some
    warped = keep_top_p(weights, torch.tensor([[top_p]]))
    assert (warped > 0).int().tolist() == [kept]


def test_temperature_0_takes_the_likeliest_beside_a_sampled_row() -> None:
    logits = torch.tensor([[0.0, 1.0, 0.5], [0.0, 1.0, 0.5]])
    settings = Settings.collate([Sampling(temperature=0), Sampling(temperature=1, min_p=0)], CPU)
    seen = torch.zeros(2, 3, dtype=torch.bool)
    noise = torch.tensor([0.0, 0.0], dtype=torch.float64)
    assert choose(logits, seen, settings, noise).tolist() == [1, 0]


def test_rows_keep_their_own_settings() -> None:
    rows = [Sampling(top_p=0.1), Sampling(min_p=0.0, temperature=3.0), Sampling()]
    logits = torch.randn(3, 100, generator=torch.Generator().manual_seed(0))
    seen = torch.zeros(3, 100, dtype=torch.bool)
    noise = make_noise(3, 3)
    together = choose(logits, seen, Settings.collate(rows, CPU), noise)
    for row in range(3):
        part = slice(row, row + 1)
        alone = choose(logits[part], seen[part], Settings.collate(rows[part], CPU), noise[part])
        assert alone.item() == together[row].item()
