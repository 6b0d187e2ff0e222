"""What a loss leaves of a job's throughput is what its step says on the network without the part that is lost."""

import pytest

from sim.batch.losses import throughput_after_losses
from sim.errors import TopologyError
from sim.scenario import Scenario, load_scenario, scenario_of
from sim.simulate import RunResult, simulate, simulate_step_of

HPN = ('cluster.topology={kind = "alibaba-hpn"}', "cluster.nic_ports=2")
SPINES = ('cluster.topology={kind = "leaf-spine", down = 4, up = 4, radix = 8}',)


def tiny(*overrides: str) -> Scenario:
    return load_scenario("tiny", overrides)


def left(run: RunResult) -> dict[str, float | None]:
    return {loss.lost: loss.remaining for loss in throughput_after_losses(run)}


@pytest.mark.parametrize("overrides", [SPINES, HPN, ("cluster.network.routing=ecmp",)])
def test_what_is_left_is_what_the_step_says_of_a_cluster_that_lacks_the_part(overrides: tuple[str, ...]) -> None:
    run = simulate(tiny(*overrides))
    whole = simulate_step_of(tiny(*overrides)).profile.step_time_s
    losses = throughput_after_losses(run)
    assert losses
    for loss in losses:
        count = ", count = 1" if " - " in loss.name else ""
        what = "link" if count else "vertex"
        lacking = tiny(*overrides, f'cluster.health={{lost = [{{{what} = "{loss.name}"{count}}}]}}')
        if loss.remaining is None:
            with pytest.raises(TopologyError, match="job stops"):
                simulate_step_of(lacking)
        else:
            assert loss.remaining == pytest.approx(whole / simulate_step_of(lacking).profile.step_time_s, rel=1e-12)


def test_a_leaf_stops_the_job_with_one_port_a_gpu_and_slows_it_with_two() -> None:
    single, dual = left(simulate(tiny())), left(simulate(tiny(*HPN)))
    assert single["nic link"] is None and single["leaf"] is None
    assert dual["nic link"] is not None and dual["leaf"] is not None
    assert dual["leaf"] <= dual["nic link"] < 1


def test_a_lost_spine_leaves_what_the_others_carry() -> None:
    run = simulate(tiny(*SPINES, "cluster.network.routing=adaptive"))
    assert 0.5 < (left(run)["spine"] or 0.0) <= 1.0


def test_a_run_whose_step_time_is_given_loses_nothing() -> None:
    given = {
        "name": "given",
        "training": {"step_time": "1 s"},
        "cluster": {"node": "dgx-h100", "nodes": 2},
        "run": {"work": "1 h"},
    }
    assert throughput_after_losses(simulate(scenario_of(given, "given"))) == ()
