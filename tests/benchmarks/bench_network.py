"""Collectives of one optimizer step, cold: Llama 3 on 16,384 GPUs, and the same layout on 131,072 endpoints."""

import resource
import time
from collections.abc import Iterator

import numpy as np

from sim.cluster.examples import accelerator, node
from sim.cluster.network import Network
from sim.cluster.placement import Groups, groups
from sim.cluster.records import Cluster, NetworkSettings
from topologies.clos import clos

SETTINGS = {
    "adaptive": NetworkSettings(routing="adaptive"),
    "ecmp_4": NetworkSettings(routing="ecmp", queue_pairs=4),
    "ecmp_16": NetworkSettings(routing="ecmp", queue_pairs=16),
}
BUDGET_S = 0.5
BUDGET_BYTES = 300e6


def llama_cluster(gpus: int) -> Cluster:
    """Return nodes of 8 GPUs in Llama 3's Clos: racks of 16, pods of 3,072, 1:7 at the top."""
    graph = clos(
        endpoints=gpus,
        nics_per_node=8,
        radix=[64, 576, 4608 if gpus > 24576 else 576],
        oversubscription=[1, 1, 7],
        rack=16,
        pod=3072,
    )
    each = node(gpus=8, nics=8, nic_latency_s=2.6e-6, scale_up_latency_s=0.6e-6)
    endpoints = tuple(f"nic-{endpoint:06d}" for endpoint in range(gpus))
    return Cluster(graph=graph, endpoints=endpoints, node=each, accelerator=accelerator(), nodes=gpus // 8)


def step(cluster: Cluster, setting: NetworkSettings, of: Groups) -> Network:
    """Cost every collective of a step: data gather and reduction, pipeline messages, tensor gathers."""
    network = Network(cluster, setting)
    network.cost("all-gather", of.data, 1e9)
    network.cost("reduce-scatter", of.data, 2e9)
    network.cost("p2p", of.pipeline, 2 * 8192 * 16384 / 8)
    network.cost("all-gather", of.tensor, 2 * 8192 * 16384)
    network.cost("reduce-scatter", of.tensor, 2 * 8192 * 16384)
    return network


def _timed(name: str, cluster: Cluster) -> Iterator[tuple[str, float]]:
    of = groups(8, 16, cluster.gpus // 128, np.arange(cluster.gpus), wrap=True)
    for routing, setting in SETTINGS.items():
        before_bytes, start_s = _peak_bytes(), time.perf_counter()
        network = step(cluster, setting, of)
        yield f"{name}_{routing}_s", time.perf_counter() - start_s
        yield f"{name}_{routing}_added_bytes", _peak_bytes() - before_bytes
        yield f"{name}_{routing}_solves", float(network.solves)


def _peak_bytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def measure() -> dict[str, float]:
    """Return seconds, bytes added to the process's peak, and solves; ratios are to the budget of 16,384 GPUs."""
    results = dict(_timed("gpus_16384", llama_cluster(16384)))
    for routing in SETTINGS:
        name = f"gpus_16384_{routing}"
        results[f"{name}_time_over_budget"] = results[f"{name}_s"] / BUDGET_S
        results[f"{name}_memory_over_budget"] = results[f"{name}_added_bytes"] / BUDGET_BYTES
    return results | dict(_timed("gpus_131072", llama_cluster(131072)))
