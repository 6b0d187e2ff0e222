"""What other simulators print for the same inputs: flow-level, ASTRA-sim's rings, and Monte-Carlo of hashed flows."""

from collections.abc import Iterator

import numpy as np

from sim.analysis.network.rows import Compared, Entry, Skipped, bare
from sim.cluster.fabric.protocols import FLUID
from sim.cluster.network import Network
from sim.cluster.records import NetworkSettings

SEEDS = 200
"""Draws behind the mean of hashed flows: a standard error near 1.5 % of it."""

ENDPOINT_S, MEMORY_BYTES_PER_S = 10e-9, 1.6e12
"""What ASTRA-sim adds to a ring's step: an endpoint's delay, and three passes over a memory of this bandwidth."""


def flow_level_rows(section: Entry) -> Iterator[Compared | Skipped]:
    """Yield flow-level times on a two-tier fat tree with D-mod-k routing, ours as pure max-min fair fluid."""
    for row in section.get("rows", []):
        pattern, ranks, size = str(row["pattern"]), int(row["n"]), float(row["bytes"])
        name = f"flow-level {pattern} [{ranks}]"
        if pattern.startswith("random"):
            reason = "the permutation comes from that program's own random numbers"
            yield Skipped(id=name, source="flow_level_simulation", reason=reason)
            continue
        network = Network(bare(ranks, 50e9, 500e-9), NetworkSettings(routing="d-mod-k"), (FLUID,))
        order = np.arange(ranks)
        if pattern.startswith("ringstep"):
            cost = network.cost("p2p", np.stack([order, np.roll(order, -1)], axis=1), size / ranks)
        elif pattern.startswith("ring"):
            cost = network.cost("all-reduce", order[None], size, "ring")
        else:
            cost = network.cost("all-to-all", order[None], size)
        yield _time(name, "flow_level_simulation", "flow level", row["sim_s"], cost.time_s)


def astra_rows(section: Entry) -> Iterator[Compared | Skipped]:
    """Yield ASTRA-sim's rings of one dimension: our ring plus its endpoint delay and memory passes."""
    for row in section.get("results", []):
        shape = "x".join(str(size) for size in row["npus_per_dim"])
        name = f"ASTRA-sim {row['backend']} {row['collective']} {row['topology'][0]} [{shape}] {row['algorithm'][0]}"
        name += f" {row['comm_size_bytes']:,} B"
        if row["error"] or row["topology"] != ["Ring"] or row["collective"] != "all_reduce":
            reason = row["error"] or "its switches, several dimensions and other collectives are no links of ours"
            yield Skipped(id=name, source="astra_sim", reason=str(reason))
            continue
        ranks, size = int(row["npus"]), float(row["comm_size_bytes"])
        bandwidth, latency = row["bandwidth_GBps_2pow30"][0] * 2**30, row["latency_ns"][0] * 1e-9
        ring = Network(bare(ranks, bandwidth, 0.0), NetworkSettings(sharing="ideal"), (FLUID,))
        ours = ring.cost("all-reduce", np.arange(ranks)[None], size, "ring").time_s
        steps = 2 * (ranks - 1) * (latency + ENDPOINT_S)
        memory = (ranks - 1) * 3 * size / (ranks * MEMORY_BYTES_PER_S)
        yield _time(name, "astra_sim", "ASTRA-sim rings", row["result_ns"] * 1e-9, ours + steps + memory)


def ecmp_rows(section: Entry) -> Iterator[Compared | Skipped]:
    """Yield the mean throughput of the busiest of m links on which m flows of q queue pairs are hashed."""
    for row in section.get("rows", []):
        flows, pairs = int(row["flows"]), int(row["qps_per_flow"])
        source, target = np.arange(flows), flows + np.arange(flows)
        built = bare(flows * 2, 50e9, 0.0, leaf_ports=flows, spines=flows)
        shares = []
        for seed in range(SEEDS):
            network = Network(built, NetworkSettings(routing="ecmp", queue_pairs=pairs, seed=seed), (FLUID,))
            cost = network.cost("p2p", np.stack([source, target], axis=1), 1e12)
            shares.append(1e12 / 50e9 / cost.time_s)
        yield Compared(
            id=f"ECMP {flows} flows of {pairs} queue pairs",
            section="ecmp_collision_montecarlo",
            group="ECMP",
            unit="fraction",
            measured=row["mean_bottleneck_throughput"],
            simulated=float(np.mean(shares)),
            source="ecmp_collision_montecarlo",
            measured_by="simulator",
        )


def _time(name: str, section: str, group: str, measured: float, simulated: float) -> Compared:
    return Compared(
        id=name,
        section=section,
        group=group,
        unit="s",
        measured=measured,
        simulated=simulated,
        source=section,
        measured_by="simulator",
    )
