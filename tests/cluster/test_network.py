"""The network's answers: closed forms, flow-level and measured numbers, bounds and orderings."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.cluster import placement
from sim.cluster.build import build_cluster
from sim.cluster.examples import accelerator, node
from sim.cluster.fabric.arrays import FloatArray
from sim.cluster.fabric.protocols import FLUID, NCCL, NETWORK_EFFICIENCY
from sim.cluster.health import Fault, Health
from sim.cluster.network import Network, collective_cost
from sim.cluster.records import Cluster, GpuArray, NetworkSettings
from sim.errors import LayoutError, ScenarioError, TopologyError, UnknownNameError
from tests.benchmarks.bench_network import SETTINGS, llama_cluster, step
from tests.cluster.graphs import cluster, folded, h100

REFERENCE = json.loads((Path(__file__).parents[2] / "experiments/reference/network.json").read_text())
MIB = 2**20
ADAPTIVE = NetworkSettings(routing="adaptive")
D_MOD_K = NetworkSettings(routing="d-mod-k")


def fluid(built: Cluster, network: NetworkSettings) -> Network:
    return Network(built, network, (FLUID,))


def tree(hosts: int) -> Cluster:
    """Return a two-tier non-blocking fat tree of single-GPU nodes."""
    side = int(hosts**0.5)
    return cluster(folded(leaves=hosts // side, down=side, spines=side), node())


def strided(gpus: int, stride: int) -> GpuArray:
    """Return groups of every stride-th GPU."""
    return np.arange(gpus).reshape(-1, stride).T


# Exact: links alone.


@pytest.mark.parametrize(("kind", "rounds"), [("all-reduce", 2), ("all-gather", 1), ("reduce-scatter", 1)])
@pytest.mark.parametrize("ranks", [2, 5, 16])
def test_a_ring_alone_takes_its_closed_form(kind: str, rounds: int, ranks: int) -> None:
    """rounds x [(n - 1) alpha + (n - 1) / n S / B], alpha 4 links of 500 ns and 1 us of NICs."""
    built = cluster(folded(leaves=ranks, down=1, spines=1), node(nic_latency_s=1e-6))
    cost = fluid(built, ADAPTIVE).cost(kind, np.arange(ranks)[None], 1e9, "ring")
    assert cost.time_s == pytest.approx(rounds * (ranks - 1) * (3e-6 + 1e9 / ranks / 50e9), rel=1e-12)
    assert (cost.algorithm, cost.bottleneck) == ("ring", "nic")
    assert cost.load == pytest.approx(1.0)
    assert cost.lower_bound_s == pytest.approx(rounds * (ranks - 1) / ranks * 1e9 / 50e9)


def test_a_ring_inside_a_node_takes_the_closed_form_of_its_scale_up() -> None:
    built = cluster(folded(leaves=1, down=8, spines=1), node(gpus=8, nics=8, scale_up_latency_s=0.5e-6))
    cost = fluid(built, ADAPTIVE).cost("all-gather", np.arange(8)[None], 1e9)
    assert cost.time_s == pytest.approx(7 * 0.5e-6 + 7 / 8 * 1e9 / (450e9 * 0.822), rel=1e-12)
    assert cost.bottleneck == "scale-up"


def test_rings_over_nodes_use_one_nic_a_gpu() -> None:
    """k nodes of g GPUs: 2 (n - 1) / n S / (g B) over the NICs; the bound 2 (k - 1) / k S / (g B) is not beaten."""
    wide = accelerator(scale_up_bytes_per_s=900e9)
    built = cluster(folded(leaves=4, down=8, spines=8), node(gpus=8, nics=8), wide)
    cost = fluid(built, ADAPTIVE).cost("all-reduce", np.arange(32)[None], 8e9, "ring")
    latency_s = 8 * 2e-6
    assert cost.time_s == pytest.approx(latency_s + 2 * 31 / 32 * 8e9 / (8 * 50e9), rel=1e-12)
    assert cost.lower_bound_s == pytest.approx(2 * 3 / 4 * 8e9 / (8 * 50e9), rel=1e-12)


def test_hierarchical_is_the_sum_of_its_three_phases() -> None:
    built = cluster(folded(leaves=4, down=8, spines=8), node(gpus=8, nics=8, scale_up_latency_s=1e-6))
    cost = fluid(built, ADAPTIVE).cost("all-reduce", np.arange(32)[None], 8e9, "hierarchical")
    within_s = 7 * 1e-6 + 7 / 8 * 8e9 / (450e9 * 0.822)
    across_s = 6 * 2e-6 + 2 * 3 / 4 * 1e9 / 50e9
    assert cost.time_s == pytest.approx(2 * within_s + across_s, rel=1e-12)


def test_a_tree_takes_logarithmic_steps_and_twice_the_bytes() -> None:
    built = cluster(folded(leaves=16, down=1, spines=1), node())
    cost = fluid(built, ADAPTIVE).cost("all-reduce", np.arange(16)[None], 1e9, "tree")
    assert cost.time_s == pytest.approx(2 * 4 * 2e-6 + 2 * 1e9 / 50e9, rel=1e-12)


def test_point_to_point_goes_from_column_0_to_column_1() -> None:
    built = tree(16)
    cost = fluid(built, ADAPTIVE).cost("p2p", np.array([[0, 15]]), 5e8)
    assert cost.time_s == pytest.approx(2e-6 + 0.01, rel=1e-12)
    both = fluid(built, ADAPTIVE).cost("p2p", np.array([[0, 15], [15, 0]]), 5e8)
    assert both.time_s == pytest.approx(cost.time_s, rel=1e-12)
    fan_in = fluid(built, ADAPTIVE).cost("p2p", np.array([[0, 15], [1, 15]]), 5e8)
    assert fan_in.time_s == pytest.approx(2e-6 + 0.02, rel=1e-12)
    assert fan_in.bottleneck == "nic"
    assert fan_in.load == pytest.approx(2.0)
    assert fan_in.lower_bound_s == pytest.approx(0.02)


def test_gpus_that_share_a_nic_share_its_bandwidth_and_those_with_two_use_both() -> None:
    pairs = np.array([[0, 2], [1, 3]])
    shared = fluid(cluster(folded(leaves=2, down=1, spines=1), node(gpus=2, nics=1)), ADAPTIVE)
    assert shared.cost("p2p", pairs, 1e9).time_s == pytest.approx(2e-6 + 2 * 1e9 / 50e9)
    double = fluid(cluster(folded(leaves=2, down=4, spines=4), node(gpus=2, nics=4)), ADAPTIVE)
    assert double.cost("p2p", pairs, 1e9).time_s == pytest.approx(2e-6 + 0.5 * 1e9 / 50e9)


def test_gpus_of_a_node_without_a_scale_up_domain_are_bound_by_their_own_nics() -> None:
    """4 GPUs of a node with a NIC each: every one is a domain of its own, also for the lower bound."""
    built = fluid(cluster(folded(leaves=1, down=4, spines=1), node(gpus=4, nics=4, domain=1)), ADAPTIVE)
    ring = built.cost("all-reduce", np.arange(4)[None, :], 1e9, "ring")
    assert ring.lower_bound_s == pytest.approx(2 * 3 / 4 * 1e9 / 50e9)
    assert ring.time_s >= ring.lower_bound_s


def test_oversubscription_divides_bandwidth() -> None:
    """4 NICs below one uplink: all leave, so each gets a quarter, and the bound of that cut is met."""
    built = cluster(folded(leaves=2, down=4, spines=1), node())
    cost = fluid(built, ADAPTIVE).cost("p2p", np.stack([np.arange(4), np.arange(4, 8)], axis=1), 1e9)
    assert cost.time_s == pytest.approx(2e-6 + 4 * 1e9 / 50e9)
    assert cost.bottleneck == "leaf-spine"
    assert cost.load == pytest.approx(4.0)
    assert cost.lower_bound_s == pytest.approx(4 * 1e9 / 50e9)


def test_relayed_all_to_all_stays_on_its_rail() -> None:
    """Leaf r holds NIC r of every node: only messages between rails would cross a spine, and none do."""
    graph = folded(leaves=2, down=4, spines=1)
    built = cluster(graph, node(gpus=2, nics=2))
    rails = tuple(f"nic-{rail * 4 + each:06d}" for each in range(4) for rail in range(2))
    cost = fluid(replace(built, endpoints=rails), ADAPTIVE).cost("all-to-all", np.arange(8)[None], 8e9)
    assert cost.bottleneck == "nic"
    assert cost.time_s == pytest.approx(1e-6 + 6 / 8 * 8e9 / 50e9)


# Flow-level simulation by others (`flow_level_simulation`), within 1 %.


def flow_level_rows() -> list[Any]:
    rows = REFERENCE["flow_level_simulation"]["rows"]
    kinds = {"ring all-reduce": "all-reduce", "all-to-all": "all-to-all", "all-to-all (S/n each)": "all-to-all"}
    return [(kinds[row["pattern"]], row["n"], row["bytes"], row["sim_s"]) for row in rows if row["pattern"] in kinds]


@pytest.mark.parametrize(("kind", "ranks", "size_bytes", "simulated_s"), flow_level_rows())
def test_flow_level_simulation_is_met_within_one_percent(
    kind: str, ranks: int, size_bytes: int, simulated_s: float
) -> None:
    algorithm = "ring" if kind == "all-reduce" else "pairwise"
    cost = fluid(tree(ranks), D_MOD_K).cost(kind, np.arange(ranks)[None], size_bytes, algorithm)
    assert cost.time_s == pytest.approx(simulated_s, rel=0.01)


def test_the_flow_level_reference_has_the_rows_that_matter() -> None:
    assert {(kind, ranks) for kind, ranks, _, _ in flow_level_rows()} >= {
        ("all-to-all", 64),
        ("all-reduce", 64),
        ("all-reduce", 256),
        ("all-reduce", 1024),
    }


def test_astra_sim_rings_follow_with_their_endpoint_delay_and_memory_added() -> None:
    """2 (n - 1)(alpha + S / (n B) + 10 ns) + (n - 1) 3 S / (n 1.6e12): ours plus their two terms, within 0.2 %."""
    rings = {"algorithm": ["ring"], "backend": "Unaware", "topology": ["Ring"], "splits": 1, "error": None}
    rows = [row for row in REFERENCE["astra_sim"]["results"] if all(row[key] == rings[key] for key in rings)]
    assert len(rows) >= 3
    for row in rows:
        ranks, size_bytes = row["npus"], row["comm_size_bytes"]
        bandwidth = row["bandwidth_GBps_2pow30"][0] * 2**30
        graph = folded(leaves=ranks, down=1, spines=1)
        for _, _, data in graph.edges(data=True):
            data.update(bandwidth_bytes_per_s=bandwidth, latency_s=row["latency_ns"][0] * 1e-9 / 4)
        built = cluster(graph, replace(node(), nic_bandwidth_bytes_per_s=bandwidth))
        ring_s = fluid(built, ADAPTIVE).cost("all-reduce", np.arange(ranks)[None], size_bytes, "ring").time_s
        theirs_s = 2 * (ranks - 1) * 10e-9 + (ranks - 1) * 3 * size_bytes / (ranks * 1.6e12)
        assert ring_s + theirs_s == pytest.approx(row["result_ns"] * 1e-9, rel=0.002)


# Measured by others, with NCCL's protocols.


def point(what: str) -> float:
    return float(next(row["value"] for row in REFERENCE["collective_points"] if row["what"].startswith(what)) * 1e9)


def test_a_ring_of_8_h100_reaches_what_nvlink_does() -> None:
    built = cluster(folded(leaves=1, down=8, spines=1), h100())
    cost = Network(built, ADAPTIVE).cost("all-gather", np.arange(8)[None], 8 * 2**30)
    assert cost.busbw_bytes_per_s == pytest.approx(point("H100 HGX 8 GPU effective NVLink"), rel=0.02)


def test_all_reduce_of_64_h100_reaches_the_published_busbw() -> None:
    built = cluster(folded(leaves=8, down=8, spines=8), h100())
    cost = Network(built, ADAPTIVE).cost("all-reduce", np.arange(64)[None], 8 * 2**30)
    assert cost.busbw_bytes_per_s == pytest.approx(point("64xH100 8 nodes"), rel=0.05)
    assert cost.busbw_bytes_per_s < 8 * 50e9


def test_all_reduce_of_4_nodes_is_near_the_published_busbw() -> None:
    """310 GB/s on H200 with NVLSTree at 4 GiB: not what the efficiency was taken from; no NVLS here."""
    built = cluster(folded(leaves=4, down=8, spines=8), h100())
    cost = Network(built, ADAPTIVE).cost("all-reduce", np.arange(32)[None], 4 * 2**30)
    assert cost.busbw_bytes_per_s == pytest.approx(point("32xH200 4 nodes"), rel=0.2)


def test_the_curve_of_8_a100_is_met_at_large_sizes_and_within_a_factor_of_three_at_small() -> None:
    curve = next(row for row in REFERENCE["nccl_allreduce_curves"] if "8xA100" in row["name"])
    chip = accelerator(scale_up_bytes_per_s=300e9, efficiency=0.772)
    network = Network(cluster(folded(leaves=1, down=8, spines=1), h100(), chip), ADAPTIVE)
    for size_bytes, measured in zip(curve["sizes_bytes"], curve["busbw_GBps"], strict=True):
        ratio = network.cost("all-reduce", np.arange(8)[None], size_bytes).busbw_bytes_per_s / (measured * 1e9)
        assert 0.9 < ratio < (1.2 if size_bytes >= 256 * MIB else 1.6 if size_bytes >= MIB else 3.0), size_bytes


def test_the_protocols_are_nccls_own_constants() -> None:
    tuner = REFERENCE["nccl_tuner_model"]
    wires = {"scale_up_step_s": ("NVLINK", 0.6), "network_step_s": ("NET", 2.7)}
    for position, protocol in enumerate(NCCL):
        assert protocol.name == tuner["base_latency_us"]["order"][position]
        for name in ("ring", "tree"):
            latency = getattr(protocol, name)
            assert latency.base_s == pytest.approx(tuner["base_latency_us"][name][position] * 1e-6)
            for field, (wire, bare) in wires.items():
                step_us = tuner["hw_latency_us"][wire][name][position]
                assert getattr(latency, field) == pytest.approx((step_us - bare) * 1e-6, abs=1e-12)
    low, middle, simple = NCCL
    assert (low.network_factor, middle.network_factor) == (tuner["ll_bw_factor"], tuner["ll128_factor"])
    assert simple.tree_factor == tuner["tree_bw_factor"]
    assert list(simple.tree_correction) == tuner["tree_correction_simple"]
    assert simple.post_s == 3 * low.post_s == pytest.approx(3e-6)
    assert pytest.approx(point("64xH100 8 nodes") / 400e9) == NETWORK_EFFICIENCY


def test_small_messages_take_low_latency_and_large_ones_the_full_bandwidth() -> None:
    built = cluster(folded(leaves=8, down=8, spines=8), h100())
    groups = strided(64, 8)
    small, large = (
        {each.name: Network(built, ADAPTIVE, (each,)).cost("all-reduce", groups, size, "ring").time_s for each in NCCL}
        for size in (1e3, 1e10)
    )
    assert min(small, key=lambda name: small[name]) == "LL"
    assert min(large, key=lambda name: large[name]) == "Simple"
    network = Network(built, ADAPTIVE)
    assert network.cost("all-reduce", groups, 1e3, "ring").time_s == small["LL"]
    assert network.cost("all-reduce", groups, 1e10, "ring").time_s == large["Simple"]


def test_latency_is_the_tuners_sum_and_an_all_reduce_between_nodes_has_a_plateau() -> None:
    """8 nodes, Simple: 8.4 us + steps x (4 links of 0.5 us + NICs 1.8 us + 11.3 us), x 1.4 for an all-reduce."""
    built = cluster(folded(leaves=8, down=1, spines=1), node(nic_latency_s=1.8e-6))
    simple = Network(built, ADAPTIVE, NCCL[2:])
    for kind, steps, plateau in (("all-reduce", 14, 1.4), ("all-gather", 7, 1.0)):
        expected_s = plateau * (8.4e-6 + steps * (2e-6 + 1.8e-6 + 11.3e-6))
        assert simple.cost(kind, np.arange(8)[None], 0.0, "ring").time_s == pytest.approx(expected_s)


def test_low_latency_tops_out_between_nodes() -> None:
    built = cluster(folded(leaves=8, down=8, spines=8), h100())
    cost = Network(built, ADAPTIVE, NCCL[:1]).cost("all-gather", np.arange(64)[None], 1e12, "ring")
    assert cost.busbw_bytes_per_s == pytest.approx(20.4e9, rel=1e-3)


# Laws.

PODS = cluster(folded(leaves=4, down=4, spines=4, pods=2, cores_per_spine=4), node(gpus=2, nics=2))
SHAPES = {
    "whole": np.arange(32)[None],
    "strided by 2": strided(32, 2),
    "strided by 8": strided(32, 8),
    "pairs of nodes": np.arange(32).reshape(8, 4),
    "within nodes": np.arange(32).reshape(16, 2),
}
KINDS = ["all-reduce", "all-gather", "reduce-scatter", "all-to-all"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("queue_pairs", [1, 4])
def test_ideal_is_at_most_split_is_at_most_hashed_on_a_healthy_fabric(kind: str, shape: str, queue_pairs: int) -> None:
    groups = SHAPES[shape]
    ideal_s, split_s, hashed_s = (
        Network(PODS, each).cost(kind, groups, 1e8).time_s
        for each in (
            NetworkSettings(sharing="ideal"),
            NetworkSettings(routing="spray"),
            NetworkSettings(routing="ecmp", queue_pairs=queue_pairs, seed=7),
        )
    )
    assert ideal_s <= split_s * (1 + 1e-12)
    assert split_s <= hashed_s * (1 + 1e-12)


FAMILIES: Mapping[str, Mapping[str, object]] = {
    "fat-tree": {"k": 8},
    "leaf-spine": {"radix": 16},
    "rail-optimized": {"radix": 16},
    "clos": {"tiers": 3, "radix": 16, "oversubscription": [1, 1, 3]},
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_family_is_bounded_below_and_ordered(family: str, kind: str) -> None:
    built = build_cluster(family, FAMILIES[family], h100(), accelerator(), 16)
    for groups in (np.arange(128)[None], strided(128, 8)):
        ideal, split, hashed, fixed = (
            Network(built, each).cost(kind, groups, 1e8)
            for each in (
                NetworkSettings(sharing="ideal"),
                NetworkSettings(routing="adaptive"),
                NetworkSettings(routing="ecmp", queue_pairs=4, seed=1),
                NetworkSettings(routing="d-mod-k"),
            )
        )
        assert ideal.time_s <= split.time_s * (1 + 1e-12)
        assert split.time_s <= hashed.time_s * (1 + 1e-12)
        for cost in (ideal, split, hashed, fixed):
            assert cost.lower_bound_s <= cost.time_s


@pytest.mark.parametrize("kind", ["fat-tree", "leaf-spine", "rail-optimized"])
def test_non_blocking_families_carry_rings_and_relayed_all_to_all_at_nic_rate(kind: str) -> None:
    built = build_cluster(kind, FAMILIES[kind], h100(), accelerator(), 16)
    for setting in (ADAPTIVE, D_MOD_K):
        network = fluid(built, setting)
        for collective in ("all-gather", "all-to-all"):
            assert network.cost(collective, strided(128, 8), 1e9).load == pytest.approx(1.0)


def random_groups(seed: int) -> GpuArray:
    rng = np.random.default_rng(seed)
    ranks = int(rng.choice([2, 3, 4, 6, 8]))
    rows = int(rng.integers(1, 32 // ranks + 1))
    gpus: GpuArray = rng.permutation(32)[: rows * ranks].reshape(rows, ranks)
    return gpus


@given(
    st.integers(0, 10_000),
    st.sampled_from([*KINDS, "p2p"]),
    st.sampled_from(["ecmp", "adaptive", "d-mod-k"]),
    st.sampled_from([1, 2, 4]),
    st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_the_bound_of_the_cut_is_never_beaten(seed: int, kind: str, routing: str, cores: int, ideal: bool) -> None:
    graph = folded(leaves=4, down=4, spines=3, pods=2, cores_per_spine=cores)
    built = cluster(graph, node(gpus=2, nics=2), accelerator(efficiency=1.0))
    groups = random_groups(seed)
    groups = groups[:, :2] if kind == "p2p" else groups
    network = fluid(built, NetworkSettings(sharing="ideal" if ideal else "max-min", routing=routing, queue_pairs=2))
    cost = network.cost(kind, groups, 1e9)
    assert cost.time_s >= cost.lower_bound_s * (1 - 1e-9)
    assert cost.lower_bound_s > 0


@given(st.integers(0, 10_000), st.sampled_from(["all-reduce", "all-to-all"]), st.sampled_from(["ecmp", "adaptive"]))
@settings(max_examples=40, deadline=None)
def test_the_slowest_max_min_rate_is_what_the_busiest_link_leaves(seed: int, kind: str, routing: str) -> None:
    groups = random_groups(seed)
    network = fluid(PODS, NetworkSettings(routing=routing, queue_pairs=3, seed=seed))
    algorithm = "ring" if kind == "all-reduce" else None
    latency_s = network.cost(kind, groups, 0.0, algorithm).time_s
    slope_s = (network.cost(kind, groups, 1e12, algorithm).time_s - latency_s) / 1e12
    factor = network.cost(kind, groups, 1e12, algorithm).busbw_bytes_per_s
    assert network.group_rates(kind, groups).min() == pytest.approx(factor, rel=1e-4)
    assert slope_s > 0


def test_group_rates_show_who_is_slow() -> None:
    """Two pairs cross one uplink, one pair stays below its leaf: 25, 25 and 50 GB/s."""
    built = cluster(folded(leaves=2, down=4, spines=1), node())
    rates = fluid(built, ADAPTIVE).group_rates("p2p", np.array([[0, 4], [1, 5], [2, 3]]))
    np.testing.assert_allclose(rates, [25e9, 25e9, 50e9])


LARGE = 1e15


def relative(times: FloatArray) -> FloatArray:
    """Return times over that of the slowest group."""
    return times / times.max()


@pytest.mark.parametrize("seed", range(4))
def test_the_time_of_hashed_groups_is_that_of_their_own_busiest_link(seed: int) -> None:
    """The slowest sets 1; no group is faster than max-min sharing lets it be; equal fluid splits are equal."""
    groups = SHAPES["strided by 8"]
    hashed = fluid(PODS, NetworkSettings(routing="ecmp", queue_pairs=2, seed=seed))
    pace = relative(hashed.times("all-gather", groups, LARGE))
    rates = hashed.group_rates("all-gather", groups)
    assert hashed.times("all-gather", groups, LARGE).max() == pytest.approx(
        hashed.cost("all-gather", groups, LARGE).time_s
    )
    assert np.all(rates.min() / rates <= pace + 1e-6)
    assert np.all(relative(fluid(PODS, ADAPTIVE).times("all-gather", groups, LARGE)) == 1)


def test_groups_inside_a_domain_take_as_long_as_each_other() -> None:
    built = cluster(folded(leaves=2, down=4, spines=1), node(gpus=4, nics=4))
    groups = np.arange(8).reshape(2, 4)
    times = fluid(built, NetworkSettings(routing="ecmp")).times("all-gather", groups, 1e6)
    assert relative(times).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("size_bytes", [1.0, 1e4, 1e6, 1e9])
@pytest.mark.parametrize("kind", ["all-gather", "all-reduce"])
def test_a_slower_nic_makes_no_group_faster(kind: str, size_bytes: float) -> None:
    """Its own group is slower, the others keep their time: latency is no share of another group's bytes."""
    hashed = fluid(PODS, NetworkSettings(routing="ecmp"))
    slow = Health(faults=(Fault(what="vertex", name=PODS.endpoints[0], factor=0.5),))
    groups = SHAPES["strided by 8"]
    before, after = (each.times(kind, groups, size_bytes) for each in (hashed, hashed.changed(health=slow)))
    assert np.all(after >= before * (1 - 1e-12))
    assert after[0] > before[0] or size_bytes < 1e6


@given(st.floats(0, 1e10), st.floats(0, 1e10), st.sampled_from(KINDS))
@settings(max_examples=50, deadline=None)
def test_time_never_falls_with_size_for_one_algorithm_of_the_fluid_model(one: float, other: float, kind: str) -> None:
    low, high = sorted((one, other))
    network = fluid(PODS, ADAPTIVE)
    algorithm = "pairwise" if kind == "all-to-all" else "ring"
    groups = SHAPES["strided by 8"]
    assert network.cost(kind, groups, low, algorithm).time_s <= network.cost(kind, groups, high, algorithm).time_s


@pytest.mark.parametrize("routing", ["adaptive", "ecmp", "d-mod-k"])
def test_half_the_nic_bandwidth_doubles_the_bytes_term(routing: str) -> None:
    slow = replace(PODS, node=replace(PODS.node, nic_bandwidth_bytes_per_s=25e9))
    groups = SHAPES["strided by 2"]
    times = [
        fluid(each, NetworkSettings(routing=routing, sharing="ideal")).cost("all-gather", groups, 1e9).time_s
        - fluid(each, NetworkSettings(routing=routing, sharing="ideal")).cost("all-gather", groups, 0.0).time_s
        for each in (PODS, slow)
    ]
    assert times[1] == pytest.approx(2 * times[0])


def test_a_lost_uplink_lowers_bandwidth_and_a_lost_nic_link_kills() -> None:
    graph = folded(leaves=2, down=4, spines=4)
    pairs = np.stack([np.arange(4), np.arange(4, 8)], axis=1)
    healthy = fluid(cluster(graph, node()), ADAPTIVE).cost("p2p", pairs, 1e9).time_s - 2e-6
    graph.remove_edge("leaf-0-0", "spine-0-3")
    degraded = fluid(cluster(graph, node()), ADAPTIVE).cost("p2p", pairs, 1e9)
    assert degraded.time_s - 2e-6 == pytest.approx(healthy * 4 / 3)
    assert degraded.bottleneck == "leaf-spine"
    graph.remove_edge("nic-000000", "leaf-0-0")
    with pytest.raises(TopologyError, match="nic-000000 has no link"):
        fluid(cluster(graph, node()), ADAPTIVE).cost("p2p", pairs, 1e9)


def test_more_queue_pairs_collide_less_and_the_seed_draws_anew() -> None:
    built = cluster(folded(leaves=8, down=16, spines=16), node())
    groups = strided(128, 16)
    times = {
        queue_pairs: np.mean(
            [
                fluid(built, NetworkSettings(routing="ecmp", queue_pairs=queue_pairs, seed=seed))
                .cost("all-gather", groups, 1e9)
                .time_s
                for seed in range(8)
            ]
        )
        for queue_pairs in (1, 4, 16)
    }
    assert times[1] > times[4] > times[16]
    one, other = (
        fluid(built, NetworkSettings(routing="ecmp", queue_pairs=1, seed=seed)).group_rates("all-gather", groups)
        for seed in (0, 1)
    )
    assert not np.array_equal(one, other)


def test_a_network_gives_the_same_answer_asked_in_any_order_and_as_one_call() -> None:
    setting = NetworkSettings(routing="ecmp", queue_pairs=2)
    groups, other = SHAPES["strided by 2"], SHAPES["whole"]
    first, second = Network(PODS, setting), Network(PODS, setting)
    forward = [first.cost("all-gather", each, 1e8) for each in (groups, other, groups)]
    backward = [second.cost("all-gather", each, 1e8) for each in (groups, other, groups)[::-1]][::-1]
    assert forward == backward
    assert collective_cost(PODS, setting, "all-gather", groups, 1e8) == forward[0]


def test_sizes_and_halves_of_a_set_of_groups_share_one_solve() -> None:
    network = Network(PODS, ADAPTIVE)
    for size_bytes in (1e6, 1e7, 1e8):
        network.cost("all-gather", SHAPES["strided by 2"], size_bytes, "ring")
        network.cost("reduce-scatter", SHAPES["strided by 2"], size_bytes, "ring")
    assert network.solves == 1


# What cannot be used is refused in one line.


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (NetworkSettings(sharing="maxmin"), "did you mean 'max-min'"),
        (NetworkSettings(routing="emcp"), "did you mean 'ecmp'"),
    ],
)
def test_unknown_settings_name_the_nearest(setting: NetworkSettings, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        Network(PODS, setting)


def test_queue_pairs_are_positive() -> None:
    with pytest.raises(ScenarioError, match="queue_pairs: got 0"):
        Network(PODS, NetworkSettings(routing="ecmp", queue_pairs=0))


def test_unknown_kinds_and_algorithms_name_the_nearest() -> None:
    network = Network(PODS, ADAPTIVE)
    with pytest.raises(UnknownNameError, match="did you mean 'all-reduce'"):
        network.cost("allreduce", SHAPES["whole"], 1e6)
    with pytest.raises(UnknownNameError, match="did you mean 'ring'"):
        network.cost("all-reduce", SHAPES["whole"], 1e6, "rings")
    with pytest.raises(ScenarioError, match="tree of all-reduce needs"):
        network.cost("all-reduce", SHAPES["within nodes"], 1e6, "tree")


@pytest.mark.parametrize(
    ("kind", "groups", "message"),
    [
        ("all-reduce", np.arange(4), "shape"),
        ("all-reduce", np.arange(4)[:, None], "2 ranks or more"),
        ("p2p", np.arange(3)[None], "expected pairs"),
        ("all-gather", np.array([[0, 32]]), "expected 0 to 31"),
        ("all-gather", np.array([[5, 5]]), "same GPU twice"),
    ],
)
def test_groups_that_are_none_are_refused(kind: str, groups: GpuArray, message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        Network(PODS, ADAPTIVE).cost(kind, groups, 1e6)


@pytest.mark.parametrize("size_bytes", [-1.0, float("nan"), float("inf")])
def test_a_size_is_finite_and_not_negative(size_bytes: float) -> None:
    with pytest.raises(ScenarioError, match="size of a collective"):
        Network(PODS, ADAPTIVE).cost("all-gather", SHAPES["whole"], size_bytes)


def test_endpoints_must_match_the_nodes() -> None:
    with pytest.raises(TopologyError, match="expected 3 nodes x 2 NICs"):
        Network(replace(PODS, nodes=3), ADAPTIVE)


def test_a_step_takes_three_solves() -> None:
    """Counts, not seconds: gather and reduction share a solve, and so do the two of a tensor group."""
    built = llama_cluster(3072)
    of = placement.groups(8, 16, built.gpus // 128, np.arange(built.gpus))
    assert step(built, SETTINGS["ecmp_16"], of).solves == 3


def test_a_node_without_nics_or_fabric_still_has_its_scale_up() -> None:
    built = cluster(nx.Graph(), node(gpus=8, nics=8))
    alone = replace(built, node=node(gpus=8, nics=0), nodes=2)
    cost = fluid(alone, ADAPTIVE).cost("all-gather", np.arange(16).reshape(2, 8), 1e9)
    assert cost.time_s == pytest.approx(7 / 8 * 1e9 / (450e9 * 0.822))
    with pytest.raises(TopologyError, match="has no NIC"):
        fluid(alone, ADAPTIVE).cost("p2p", np.array([[0, 8]]), 1e9)
