"""The search on functions whose least is known: found within the budget, on the same path whatever the budget."""

from collections.abc import Sequence
from math import log

import pytest

from sim.batch.optimise.knobs import Knob, knobs_of
from sim.batch.optimise.search import Point, Trail, search


def bowl(points: Sequence[Point]) -> list[float]:
    """Least at 12 min, and where there is a second knob at 7 spares."""
    return [log(each[0] / 12) ** 2 + sum((more - 7) ** 2 / 100 for more in each[1:]) for each in points]


ONE = knobs_of(["every=1min..2h"])
TWO = knobs_of(["every=1min..2h", "spares=0..48:int"])


def best(trail: Trail) -> Point:
    return min(trail.losses, key=lambda point: trail.losses[point])


def test_one_continuous_knob_ends_near_the_least_of_a_smooth_function() -> None:
    trail = search(ONE, bowl, most=40, seed=1)
    assert not trail.spent
    assert best(trail)[0] == pytest.approx(12, rel=0.03)


def test_one_whole_knob_that_the_budget_covers_is_tried_everywhere() -> None:
    whole = knobs_of(["spares=0..9:int"])
    trail = search(whole, lambda points: [abs(each[0] - 7) for each in points], most=10, seed=1)
    assert list(trail.losses) == [(float(count),) for count in range(10)]
    assert best(trail) == (7.0,)


def test_one_whole_knob_that_it_does_not_cover_is_searched() -> None:
    whole = knobs_of(["spares=0..999:int"])
    trail = search(whole, lambda points: [(each[0] - 431) ** 2 for each in points], most=40, seed=1)
    assert len(trail.losses) <= 40
    assert best(trail)[0] == pytest.approx(431, abs=3)


def test_two_knobs_of_both_kinds_are_found_together() -> None:
    trail = search(TWO, bowl, most=400, seed=1)
    assert best(trail)[1] == 7.0
    assert best(trail)[0] == pytest.approx(12, rel=0.1)


@pytest.mark.parametrize(("knobs", "few", "more"), [(ONE, 5, 9), (TWO, 20, 60)])
def test_a_larger_budget_goes_on_where_a_smaller_one_ended(knobs: tuple[Knob, ...], few: int, more: int) -> None:
    short, long = (search(knobs, bowl, most=most, seed=1) for most in (few, more))
    assert short.spent
    assert (len(short.losses), list(short.losses)) == (few, list(long.losses)[:few])


def test_the_budget_is_never_passed() -> None:
    asked: list[Point] = []

    def counted(points: Sequence[Point]) -> list[float]:
        asked.extend(points)
        return bowl(points)

    search(TWO, counted, most=30, seed=1)
    assert len(asked) == len(set(asked)) == 30


def test_refused_points_are_gone_round() -> None:
    """Above 20 min nothing is feasible, and below 3 spares."""

    def bounded(points: Sequence[Point]) -> list[float]:
        free = zip(points, bowl(points), strict=True)
        return [float("inf") if each[0] > 20 or each[1] < 3 else found for each, found in free]

    found = best(search(TWO, bounded, most=300, seed=2))
    assert found[1] == 7.0
    assert found[0] == pytest.approx(12, rel=0.15)
