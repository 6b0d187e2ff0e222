"""Intervals to simulate: whole steps, from what the store allows to half of the run."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sim.analysis.interval.grid import Scale, cycle_us, further, log_grid, scale_of, whole_steps
from sim.reliability.examples import run_plan
from sim.reliability.saving.progress import course

scales = st.builds(
    lambda step, shortest, more, slack: Scale(
        step_us=step, shortest_us=step * shortest, longest_us=step * (shortest + more), slack=slack
    ),
    st.integers(1, 1000),
    st.integers(1, 5),
    st.integers(0, 10_000),
    st.sampled_from([0.0, 0.05]),
)


@given(scales, st.floats(1, 1e7))
def test_a_grid_rises_in_different_numbers_of_steps_within_the_scale(scale: Scale, centre_us: float) -> None:
    cycles = [cycle_us(scale, each) for each in log_grid(centre_us, scale)]
    assert cycles == sorted(set(cycles))
    assert all(each % scale.step_us == 0 for each in cycles)
    assert scale.shortest_us <= cycles[0]
    assert cycles[-1] <= scale.longest_us


@given(scales, st.integers(1, 10**7), st.booleans())
def test_a_grid_goes_on_only_beyond_its_end(scale: Scale, centre_us: int, longer: bool) -> None:
    grid = log_grid(centre_us, scale)
    for each in further(grid, scale, longer=longer):
        assert each > grid[-1] if longer else each < grid[0]


@given(st.integers(1, 400), st.floats(0.951, 1.0))
def test_the_slack_leaves_as_many_steps_where_those_of_another_seed_are_shorter(steps: int, shorter: float) -> None:
    scale = Scale(step_us=1_000_000, shortest_us=1_000_000, longest_us=10**9, slack=0.05)
    (interval_us,) = whole_steps([steps * 1e6], scale)
    if steps <= 10:
        assert -(-interval_us // round(shorter * 1e6)) == steps
    assert cycle_us(scale, interval_us) == steps * 1_000_000


def test_a_flush_that_must_end_first_bounds_the_interval() -> None:
    plan = run_plan()
    slow = replace(plan, checkpoint=replace(plan.checkpoint, durable_after_us=45_000_000))
    assert scale_of(slow).shortest_us == 50_000_000
    assert scale_of(replace(slow, checkpoint=replace(slow.checkpoint, max_in_flight=0))).shortest_us == 10_000_000


@given(st.integers(1, 600_000_000))
def test_a_cycle_is_the_engines(interval_us: int) -> None:
    plan = run_plan()
    saved = replace(plan.checkpoint, interval_us=interval_us)
    assert cycle_us(scale_of(plan), interval_us) == course(plan.phases, saved, None).cycle_us[0]
