"""Energy is power times time, exactly additive over states."""

import dataclasses

import pytest
from hypothesis import given

from sim.ledger.power.energy import (
    POWER_LEVELS,
    EnergyLedger,
    co2e_kg,
    energy_ledger,
    facility_kwh,
    gpu_power_w,
    kwh,
    kwh_by_state,
    nameplate_w,
)
from sim.ledger.time.states import STATES
from sim.ledger.time.time_ledger import net_gpu_us, time_ledger
from sim.ledger.time.trace import RECLASSIFIED_STATES, RunTrace
from sim.workload.profile import StepProfile
from tests.ledger.hardware import ACCELERATOR, BILL, NODE, STORAGE
from tests.ledger.traces import Incident, profile_of, profiles, trace_of, traces

HALF = profile_of({"compute_ideal": 500, "bubble": 500})


def energy_of(trace: RunTrace, profile: StepProfile | None) -> EnergyLedger:
    ledger = time_ledger(trace, [profile, profile])
    return energy_ledger(ledger, [profile, profile], NODE, ACCELERATOR, BILL, STORAGE)


def test_power_of_a_gpu_with_its_share_of_the_server() -> None:
    assert gpu_power_w(ACCELERATOR, NODE) == {"busy": 900.0, "communicating": 700.0, "idle": 300.0, "off": 0.0}


def test_every_state_has_a_level_of_power() -> None:
    assert set(POWER_LEVELS) == set(STATES) - set(RECLASSIFIED_STATES)
    assert set(POWER_LEVELS.values()) == set(gpu_power_w(ACCELERATOR, NODE))


def test_a_small_run_by_hand() -> None:
    """One node and a spare, 1 ms of steps half busy and half communicating, 0.5 ms of checkpoint."""
    energy = energy_of(
        trace_of([Incident(0, 1, 0, 500, 0, "", 0, 0, 1, False)], nodes=1, spares=1, gpus_per_node=8), HALF
    )
    assert energy.nodes_nj == 8 * 1_000 * (900_000 + 700_000) // 2 + 8 * 500 * 700_000 + 8 * 1_500 * 300_000
    assert energy.network_nj == 2_100_000 * 1_500
    assert energy.storage_nj == 2_000_000 * 1_500
    assert energy.peak_it_w == 16 * 900 + 2_100 + 2_000


@given(trace=traces(), profile=profiles)
def test_states_sum_to_nodes_network_and_storage_exactly(trace: RunTrace, profile: StepProfile) -> None:
    energy = energy_of(trace, profile)
    assert sum(energy.it_nj.values()) == energy.nodes_nj + energy.network_nj + energy.storage_nj
    assert sum(kwh_by_state(energy).values()) == pytest.approx(kwh(sum(energy.it_nj.values())), rel=1e-12)


@given(trace=traces(), profile=profiles)
def test_moving_time_to_lost_work_leaves_the_total_unchanged(trace: RunTrace, profile: StepProfile) -> None:
    """Within a milliwatt-microsecond-scale rounding: one GPU-microsecond of power a row."""
    moved, kept = energy_of(trace, profile), energy_of(dataclasses.replace(trace, reversals=()), profile)
    rows = 20 * (len(trace.segments) + len(trace.reversals))
    assert abs(moved.nodes_nj - kept.nodes_nj) <= rows * 900_000


@given(trace=traces(gpus_per_node=(8,)), profile=profiles)
def test_power_stays_between_nothing_and_the_nameplate(trace: RunTrace, profile: StepProfile) -> None:
    energy = energy_of(trace, profile)
    nodes = trace.nodes + trace.spare_nodes
    mean_w = sum(energy.it_nj.values()) / (1000 * trace.end_us)
    assert 0 < mean_w <= energy.peak_it_w * (1 + 1e-12)
    assert energy.peak_it_w * 1.25 <= nameplate_w(NODE, nodes, BILL, STORAGE) * 1.25


def test_a_node_in_repair_draws_nothing() -> None:
    one = Incident(0, 10, 0, 0, 0, "gpu", 50, 0, 10**6, replaced=True)
    trace = trace_of([one, one], nodes=1, spares=1, gpus_per_node=8)
    in_repair = [key for key in energy_of(trace, HALF).it_nj if key.state == "repair"]
    shared = 4_100_000 * trace.end_us // 2
    time = net_gpu_us(time_ledger(trace, [HALF, HALF]))
    for key in in_repair:
        share = shared * 2 * time[key] / (16 * trace.end_us)
        assert energy_of(trace, HALF).it_nj[key] == pytest.approx(share, rel=1e-6)


def test_facility_energy_and_carbon_scale_with_pue() -> None:
    energy = energy_of(
        trace_of([Incident(0, 9, 0, 0, 0, "", 0, 0, 1, False)], nodes=1, spares=0, gpus_per_node=8), None
    )
    assert facility_kwh(energy, 1.5) == 1.5 * facility_kwh(energy, 1.0)
    assert co2e_kg(energy, 1.5, 0.4) == 0.4 * facility_kwh(energy, 1.5)


def test_the_emissions_of_llama_3_1_405b() -> None:
    """Its model card: 30.84 million GPU-hours at 700 W give 8,930 t CO2e location-based, at 0.4137 kg/kWh 8,931 t."""
    wall_us = round(30.84e6 / 16_384 * 3.6e9)
    busy = dataclasses.replace(ACCELERATOR, busy_w=700.0)
    bare = dataclasses.replace(NODE, overhead_busy_w=0.0)
    store = dataclasses.replace(STORAGE, servers=0)
    step = [Incident(0, wall_us // 1_000, 0, wall_us % 1_000, 0, "", 0, 0, 1, False)]
    trace = trace_of(step, nodes=2_048, spares=0, gpus_per_node=8)
    energy = energy_ledger(time_ledger(trace, [None, None]), [None, None], bare, busy, (), store)
    assert co2e_kg(energy, 1.0, 0.4137) / 1000 == pytest.approx(8_931, abs=0.5)
