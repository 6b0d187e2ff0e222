"""Usage between simulated runs: stretched and mixed, and what that leaves out."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.analysis.generations.examples import small_usage
from sim.analysis.generations.simulated import SCALES, weights
from sim.analysis.generations.usage import mixed
from sim.scenario import load_scenario
from sim.simulate import prepare, simulate_prepared


def test_a_run_alone_is_itself() -> None:
    usage = small_usage()
    assert mixed([(usage, 1.0)]) == usage


@given(st.floats(0.1, 10.0), st.integers(1, 10**12))
def test_time_energy_and_wall_clock_stretch_alike_and_assets_do_not(stretch: float, wall_us: int) -> None:
    usage = small_usage(wall_us)
    longer = mixed([(usage, 1.0)], stretch)
    assert longer.wall_us == round(wall_us * stretch)
    assert longer.time == {key: round(amount * stretch) for key, amount in usage.time.items()}
    assert longer.energy.it_nj == {key: round(amount * stretch) for key, amount in usage.energy.it_nj.items()}
    assert (longer.assets, longer.tokens, longer.energy.peak_it_w) == (usage.assets, 1000, 10.0)


def test_half_of_two_runs_is_their_mean() -> None:
    found = mixed([(small_usage(10), 0.5), (small_usage(30), 0.5)])
    assert (found.wall_us, list(found.time.values()), found.energy.chips_nj) == (20, [160], 80)


@given(st.floats(0.01, 100.0))
def test_weights_sum_to_1_and_lie_beside_the_rate(scale: float) -> None:
    parts = weights(scale)
    assert sum(weight for _, weight in parts) == pytest.approx(1)
    assert all(known in SCALES and weight >= 0 for known, weight in parts)
    if len(parts) == 2:
        assert parts[0][0] < scale < parts[1][0]


def test_a_stretched_run_uses_what_one_with_longer_steps_does_within_2_percent() -> None:
    scenario = load_scenario("airesim-s1", ["run.work=60 d", "training.step_time=10 s"])
    once = simulate_prepared(prepare(scenario)).summary
    longer = replace(scenario, limits=replace(scenario.limits, work_s=1.2 * 60 * 86400), step_time_s=12.0)
    again = simulate_prepared(prepare(longer)).summary
    assert once.complete and again.complete
    assert again.gpu_hours == pytest.approx(1.2 * once.gpu_hours, rel=0.02)
