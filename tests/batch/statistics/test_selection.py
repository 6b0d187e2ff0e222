"""Kim and Nelson's procedure: chooses the best as often as it says, and sooner where seeds are shared."""

import numpy as np
import pytest

from sim.batch.statistics.selection import screened

EXPERIMENTS = 1000


def chosen(means: list[float], shared: float, seed: int) -> tuple[float, float]:
    """Return how often the first of some normals (deviation 2) is chosen, and replications of each on average."""
    generator = np.random.default_rng(seed)
    right = runs = 0
    for _ in range(EXPERIMENTS):
        own = generator.normal(0.0, 2 * np.sqrt(1 - shared), (len(means), 500))
        draws = np.asarray(means)[:, None] + own + generator.normal(0.0, 2 * np.sqrt(shared), 500)
        found = screened(list(draws), within=1.0, probability=0.95, first=10)
        assert len(found.left) == 1
        right += found.left == (0,)
        last = max(found.gone.values())
        runs += sum(found.gone.values()) + last
    return right / EXPERIMENTS, runs / EXPERIMENTS / len(means)


@pytest.mark.parametrize("shared", [0.0, 0.8])
@pytest.mark.parametrize(
    "means", [[1.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0], [1.0, 0.0, -1.0, -2.0, -3.0]], ids=["two", "slippage", "steps"]
)
def test_the_best_is_chosen_as_often_as_stated(means: list[float], shared: float) -> None:
    """The slippage configuration, where all others are equally good, is the hardest."""
    right, _ = chosen(means, shared, seed=21)
    # Three standard errors of 1,000 experiments below 0.95.
    assert right >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / EXPERIMENTS)


def test_common_seeds_and_clear_differences_end_it_sooner() -> None:
    _, apart = chosen([1.0, 0.0, 0.0, 0.0, 0.0], 0.0, seed=22)
    _, together = chosen([1.0, 0.0, 0.0, 0.0, 0.0], 0.8, seed=22)
    _, clear = chosen([1.0, -4.0, -4.0, -4.0, -4.0], 0.0, seed=22)
    assert together < 0.5 * apart
    assert clear < 0.5 * apart


def test_the_first_elimination_by_hand() -> None:
    """n0 = 3, two variants, alpha 0.05: eta = (0.1^-1 - 1) / 2 = 4.5, h^2 = 18; S^2 of 0, 1, 2 is 1.

    The boundary at r is 18 / 2 - r / 2 for within = 1: 7.5 at r = 3, where sums differ by 3; 6 at r = 6, by 5.9 or 6.1.
    """
    best, other = [0.0, 1.0, 2.0, 1.0, 1.0, 0.9], [0.0] * 6
    found = screened([other, best], within=1.0, probability=0.95, first=3)
    assert (found.left, found.most) == ((0, 1), 19)
    found = screened([other, [*best[:5], 1.1]], within=1.0, probability=0.95, first=3)
    assert (found.left, dict(found.gone)) == ((1,), {0: 6})


def test_how_many_are_simulated_at_a_time_changes_nothing() -> None:
    draws = np.random.default_rng(23).normal([[0.0], [0.6], [1.0]], 1.5, (3, 300))
    whole = screened(list(draws), within=0.5, probability=0.95, first=10)
    samples, count = [list(each[:10]) for each in draws], 10
    found = screened(samples, within=0.5, probability=0.95, first=10)
    while len(found.left) > 1:
        samples = [list(draws[index][: count + 7]) if index in found.left else own for index, own in enumerate(samples)]
        count += 7
        found = screened(samples, within=0.5, probability=0.95, first=10)
    assert (found.left, dict(found.gone)) == (whole.left, dict(whole.gone))


def test_variants_that_never_differ_are_decided_at_once_for_the_first() -> None:
    found = screened([[1.0, 5.0]] * 3, within=0.1, probability=0.95, first=2)
    assert found.left == (0,)


def test_what_decides_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="within"):
        screened([[1.0, 2.0]] * 2, within=0.0, probability=0.95, first=2)
    with pytest.raises(ValueError, match="first stage"):
        screened([[1.0, 2.0]] * 2, within=0.1, probability=0.95, first=3)
