"""What slow parts are, when the day swings, and that no policy moves a draw."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import InputError, ScenarioError, UnknownNameError
from sim.reliability.examples import run_plan
from sim.reliability.failures.slow import (
    DAY_US,
    GivenPacer,
    SlowDraws,
    Slowed,
    at_once,
    gpu_factors,
    grains_of,
    is_swung,
    largest_grains,
    next_turn_us,
    touches_network,
)
from sim.reliability.plan import check_plan
from sim.reliability.records import FailureClass, Law, Slowing, StragglerPlan, Swing

CAUSE = FailureClass(
    cause="thermal",
    component="gpu",
    per_node=8,
    life=Law(kind="exponential", mean_s=1e6),
    replace=False,
    stops=False,
    slowing=Slowing(longer=Law(kind="exponential", mean_s=0.2), heals=Law(kind="exponential", mean_s=3600.0)),
)
FINDER = StragglerPlan(threshold=1.05, delay=Law(kind="exponential", mean_s=600.0))

swings = st.tuples(st.integers(0, DAY_US - 1), st.integers(0, DAY_US - 1)).filter(lambda pair: pair[0] != pair[1])
slowed = st.builds(Slowed, st.integers(0, 3), st.integers(-1, 7), st.integers(1000, 3000), st.booleans())


@given(swings, st.integers(0, 5 * DAY_US))
def test_a_day_turns_where_it_is_said_to_and_nowhere_else(pair: tuple[int, int], now_us: int) -> None:
    swing = Swing(from_us=pair[0], to_us=pair[1], factor=1.1)
    turn_us = next_turn_us(swing, now_us)
    assert now_us < turn_us <= now_us + DAY_US and turn_us % DAY_US in pair
    assert is_swung(swing, turn_us) == (turn_us % DAY_US == pair[0])
    assert is_swung(swing, turn_us - 1) == is_swung(swing, now_us)


@given(swings)
def test_a_swing_lasts_from_its_first_time_of_the_day_to_its_second(pair: tuple[int, int]) -> None:
    swing = Swing(from_us=pair[0], to_us=pair[1], factor=1.1)
    assert next_turn_us(swing, pair[0]) - pair[0] == (pair[1] - pair[0]) % DAY_US


@given(st.lists(slowed, max_size=6), slowed)
def test_one_more_slow_part_never_makes_a_job_faster(parts: list[Slowed], more: Slowed) -> None:
    assert largest_grains(parts) <= largest_grains([*parts, more])
    assert largest_grains(parts) >= max((part.grains for part in parts), default=1000)


def test_what_slows_a_node_slows_each_of_its_gpus_whatever_the_order() -> None:
    parts = [Slowed(2, 1, 1500, False), Slowed(2, -1, 1200, True), Slowed(2, -1, 1100, False)]
    expected = {(2, -1): (1.1, 1.2), (2, 1): (pytest.approx(1.65), 1.2)}
    assert gpu_factors(parts) == gpu_factors(parts[::-1]) == expected


def test_a_given_step_takes_the_largest_factor_and_the_day_times_as_long() -> None:
    pacer = GivenPacer(lambda network: (1_000_000 + 500_000 * network,), Swing(from_us=0, to_us=1, factor=1.1))
    slow = [Slowed(0, -1, 1200, False), Slowed(1, 3, 1300, True)]
    both = pacer.condition(1, slow, True)
    assert pacer.condition(0, [], False) == 0 and pacer.condition(1, slow[::-1], True) == both
    assert pacer.step_us(both) == (2_145_000,)
    assert pacer.times(both) == (True, (1_500_000_000,), (1_650_000_000,), (2_145_000_000,))


def test_draws_are_of_the_component_and_its_how_manieth_time() -> None:
    draws, law = SlowDraws(7), CAUSE.slowing.heals if CAUSE.slowing else None
    assert law is not None and CAUSE.slowing is not None
    first = [draws.heals_us(CAUSE, law, component, 0) for component in range(20)]
    assert len({*first}) == 20 and first == [SlowDraws(7).heals_us(CAUSE, law, each, 0) for each in range(20)]
    # Another policy, mean or cause of finding changes no uniform: durations scale with their law.
    doubled = [draws.heals_us(CAUSE, replace(law, mean_s=7200.0), component, 0) for component in range(20)]
    assert doubled == pytest.approx([2 * each for each in first], abs=2)
    assert draws.delay_us(CAUSE, FINDER, 3, 0) != draws.delay_us(CAUSE, FINDER, 3, 1)


def test_factors_have_the_mean_of_their_law_and_lie_above_one() -> None:
    assert CAUSE.slowing is not None
    factors = [SlowDraws(1).grains(CAUSE, CAUSE.slowing, component, 0) for component in range(2000)]
    assert min(factors) >= 1000 and all(factor % 10 == 0 for factor in factors)
    assert sum(factors) / 2000 == pytest.approx(1200, abs=3 * 200 / 2000**0.5)
    constant = replace(CAUSE.slowing, longer=Law(mean_s=0.037))
    assert SlowDraws(1).grains(CAUSE, constant, 5, 2) == 1037 == grains_of(1.037)


def test_false_alarms_hit_every_seat_at_the_rate_that_is_asked_for() -> None:
    drawn = [SlowDraws(1).false_alarm(1000.0, number, 4) for number in range(2000)]
    assert sum(gap for gap, _ in drawn) / 2000e6 == pytest.approx(1000, abs=3 * 1000 / 2000**0.5)
    seats = [seat for _, seat in drawn]
    assert {*seats} == {0, 1, 2, 3} and all(abs(seats.count(seat) - 500) < 60 for seat in range(4))


def test_who_evicts_needs_no_detection_of_its_own() -> None:
    plan = replace(run_plan(), failures=(CAUSE,))
    assert at_once(plan) == {"thermal": Law()}
    finder = replace(plan, recovery=replace(plan.recovery, stragglers=FINDER))
    assert at_once(finder) == {"thermal": Law(), "false alarm": Law()}


def test_only_outages_and_degraded_ports_touch_the_network() -> None:
    nic = replace(CAUSE, component="nic", slowing=Slowing(bandwidth=0.5))
    lost = replace(CAUSE, component="nic", slowing=None, outage=Law(mean_s=60.0))
    assert [touches_network(each) for each in (CAUSE, nic, lost)] == [False, True, True]


@pytest.mark.parametrize(
    ("changes", "error", "expected"),
    [
        ({"stops": True}, ScenarioError, "thermal: is slow; expected nothing that is lost"),
        ({"component": "job"}, UnknownNameError, "component that can be slow 'job'"),
        ({"slowing": Slowing(state="warm")}, UnknownNameError, "state 'warm'"),
        ({"slowing": Slowing(bandwidth=0.5)}, InputError, "a gpu keeps 0.5 of its bandwidth"),
        ({"slowing": Slowing(longer=Law(kind="zeta"))}, UnknownNameError, "law 'zeta'"),
    ],
)
def test_a_plan_whose_slow_parts_cannot_be_is_refused(changes: dict[str, object], error: type, expected: str) -> None:
    with pytest.raises(error, match=expected):
        check_plan(replace(run_plan(), failures=(replace(CAUSE, **changes),)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("stragglers", "swing", "expected"),
    [
        (replace(FINDER, policy="shoot"), None, "policy 'shoot'"),
        (replace(FINDER, threshold=0.9), None, "got threshold 0.9"),
        (replace(FINDER, false_alarm_s=0.0), None, "false alarms every 0.0 s"),
        (None, Swing(from_us=5, to_us=5, factor=1.1), "expected two times of a day"),
        (None, Swing(from_us=5, to_us=DAY_US, factor=1.1), "expected two times of a day"),
        (None, Swing(from_us=5, to_us=6, factor=0.9), "factor of at least 1"),
    ],
)
def test_a_detector_or_a_day_that_cannot_be_is_refused(
    stragglers: StragglerPlan | None, swing: Swing | None, expected: str
) -> None:
    plan = run_plan()
    with pytest.raises(InputError, match=expected):
        check_plan(replace(plan, recovery=replace(plan.recovery, stragglers=stragglers), swing=swing))
