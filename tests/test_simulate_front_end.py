"""A run over a front end: its checkpoints take as long as that says, and its switches are on the bill."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sim import catalog
from sim.cluster.bom import capex_usd, power_w
from sim.cluster.front_end import front_end_materials
from sim.machine import build_machine
from sim.reliability.records import CheckpointPlan
from sim.report.run.answers import run_json
from sim.report.run.results import write_run
from sim.scenario import Scenario, load_scenario
from sim.simulate import Prepared, RunResult, prepare, run_plan, simulate
from sim.workload.transformer import total_parameters


def asking(up: int = 4, ports: int = 3, nic: str = "1 GB/s") -> Scenario:
    """Return the preset with 2 nodes and a spare, on leaves of two endpoints, beside a store of 10 and 25 GB/s."""
    topology = f'{{kind = "leaf-spine", radix = 8, down = 2, up = {up}}}'
    table = f'{{nic_bandwidth = "{nic}", storage_ports = {ports}, topology = {topology}}}'
    return load_scenario("tiny", [f"cluster.front_end={table}"])


@pytest.fixture(scope="module")
def tiny() -> Prepared:
    return prepare(load_scenario("tiny"))


@pytest.fixture(scope="module")
def runs() -> tuple[RunResult, RunResult]:
    return simulate(load_scenario("tiny")), simulate(asking(nic="25 GB/s"))


def checkpoint(tiny: Prepared, scenario: Scenario) -> CheckpointPlan:
    return run_plan(scenario, tiny.steps, build_machine(scenario)).checkpoint


def state_bytes(scenario: Scenario) -> float:
    assert scenario.training is not None
    return 14 * total_parameters(scenario.training.model)


def test_a_flush_takes_what_the_uplink_of_the_nodes_carries(tiny: Prepared) -> None:
    # Both nodes of the job share a leaf, and one uplink of 1 GB/s; two ports of the store share another.
    scenario = asking(up=1)
    assert scenario.machines.storage is not None
    rest_s = scenario.machines.storage.file_operation_s + scenario.machines.storage.commit_s
    plan = checkpoint(tiny, scenario)
    assert plan.durable_after_us == round((state_bytes(scenario) / 1e9 + rest_s) * 1e6)
    # With two uplinks the NICs of the nodes bind: 2 GB/s.
    assert checkpoint(tiny, asking(up=2)).durable_after_us == round((state_bytes(scenario) / 2e9 + rest_s) * 1e6)


def test_a_restore_takes_as_long_and_broadcasts_over_the_compute_fabric(tiny: Prepared) -> None:
    slow, wide = checkpoint(tiny, asking(up=1)), checkpoint(tiny, asking(up=2))
    assert slow.restore_us - wide.restore_us == pytest.approx(state_bytes(asking()) * (1 / 1e9 - 1 / 2e9) * 1e6, abs=1)


def test_what_blocks_the_job_is_the_copy_to_its_hosts_whatever_the_front_end(tiny: Prepared) -> None:
    assert checkpoint(tiny, asking(up=1)).block_us == checkpoint(tiny, tiny.scenario).block_us


def test_a_store_with_few_ports_lengthens_flush_and_restore(tiny: Prepared) -> None:
    few, more = (checkpoint(tiny, asking(ports=ports, nic="3 GB/s")) for ports in (1, 2))
    assert few.durable_after_us > more.durable_after_us
    assert few.restore_us > more.restore_us


def test_more_uplinks_never_lengthen_a_flush(tiny: Prepared) -> None:
    plans = [checkpoint(tiny, asking(up=up, ports=6)) for up in (1, 2, 3, 4)]
    times = [(plan.durable_after_us, plan.restore_us) for plan in plans]
    assert times == sorted(times, reverse=True)


def test_a_front_end_wider_than_the_store_changes_no_duration(tiny: Prepared) -> None:
    assert checkpoint(tiny, asking(nic="50 GB/s")) == checkpoint(tiny, tiny.scenario)


def test_durations_that_are_given_stand(tiny: Prepared) -> None:
    scenario = asking(up=1)
    assert scenario.checkpoint is not None
    given = replace(scenario.checkpoint, durable_after_s=7.0, restore_s=9.0)
    plan = checkpoint(tiny, replace(scenario, checkpoint=given))
    assert (plan.durable_after_us, plan.restore_us) == (7_000_000, 9_000_000)


def test_its_switches_and_cables_are_bought_as_network(runs: tuple[RunResult, RunResult]) -> None:
    without, over = (result for result in runs)
    assert over.machine is not None
    assert over.machine.front_end is not None
    assert over.scenario.billing is not None
    bill = front_end_materials(over.machine.front_end, catalog.switches(), catalog.cables())
    paid = [{charge.item: charge.price_usd for charge in each.costs.charges} for each in runs if each.costs]
    added = {item: paid[1][item] - paid[0][item] for item in ("server", "network", "storage")}
    assert added == {
        "server": 0,
        "network": Fraction(capex_usd(bill, over.scenario.billing.prices)),
        "storage": 0,
    }
    assert without.energy is not None
    assert over.energy is not None
    drawn_mw = over.energy.network_nj / over.ledger.wall_us - without.energy.network_nj / without.ledger.wall_us
    assert drawn_mw == pytest.approx(1000 * power_w(bill), abs=1)


def test_its_links_are_in_the_results_under_its_name(runs: tuple[RunResult, RunResult], tmp_path: Path) -> None:
    found = []
    for result in runs:
        write_run(result, run_json(result), tmp_path / result.run_id, False)
        rows = pq.read_table(tmp_path / result.run_id / "links.parquet").drop_columns("run_id").to_pylist()
        found.append({(row["lower"], row["upper"], row["cables"]) for row in rows})
    assert found[1] - found[0] == {
        ("front-end nic-0", "front-end switch-1", 3),
        ("front-end storage-0", "front-end switch-1", 3),
        ("front-end switch-1", "front-end switch-2", 12),
    }
    assert found[0] < found[1]
