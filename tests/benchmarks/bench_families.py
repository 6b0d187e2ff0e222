"""Every family at 16,384 endpoints: the whole `topology` command, and the network of one optimizer step, cold.

A process each, as a peak of memory is a process's. Trees and rails have nodes of 8 GPUs; routers of direct networks
one GPU, whose layout then has no tensor groups.
"""

import resource
import subprocess
import sys
from time import perf_counter

import numpy as np

from sim.cluster.examples import accelerator, node
from sim.cluster.network import Network
from sim.cluster.placement import groups
from sim.cluster.records import Cluster, NetworkSettings
from topologies import FAMILIES

COMMAND_BUDGET_S = 2.0
STEP_BUDGET_S = 0.5
STEP_BUDGET_BYTES = 300e6

ARGUMENTS = {
    "fat-tree": {"k": 64},
    "clos": {"radix": 64},
    "rail-optimized": {"radix": 64},
    "rail-only": {},
    "superpod-h100": {},
    "superpod-b200": {},
    "multi-plane": {},
    "alibaba-hpn": {},
    "meta-24k": {},
    "nvl72": {},
    "dragonfly": {"p": 8, "a": 16, "h": 8},
    "dragonfly-plus": {"p": 8, "leaves": 16, "spines": 16, "h": 8},
    "hyperx": {"shape": [8, 16, 16], "p": 8},
    "torus": {"shape": [16, 32, 32]},
    "slim-fly": {"q": 27, "p": 12},
    "jellyfish": {"switches": 1024, "ports": 48, "degree": 32},
}
"""Of each family at 16,384 endpoints; TPU pods, several sites and mixtures hold fewer, or are joined of these."""

EIGHT = ("fat-tree", "clos", "rail-optimized", "superpod-h100", "meta-24k", "dragonfly", "torus")
"""Families on which a step is costed; the others wire planes or ports of their own nodes."""

ENDPOINTS = 16384


def step_seconds(family: str, routing: str, per_node: int, endpoints: int = ENDPOINTS) -> dict[str, float]:
    """Return seconds to build the graph and to cost every collective of a step, and bytes added to the peak."""
    start_s = perf_counter()
    sizes = ARGUMENTS[family] if endpoints == ENDPOINTS else LARGE[family]
    graph = FAMILIES[family](endpoints=endpoints, nics_per_node=per_node, **sizes)
    names = tuple(name for name, data in graph.nodes(data=True) if data["kind"] == "nic")
    each = node(gpus=per_node, nics=per_node, nic_latency_s=2.6e-6, scale_up_latency_s=0.6e-6)
    cluster = Cluster(graph=graph, endpoints=names, node=each, accelerator=accelerator(), nodes=endpoints // per_node)
    built_s, built_bytes = perf_counter(), _peak_bytes()
    of = groups(per_node, 16, endpoints // 16 // per_node, np.arange(endpoints), wrap=True)
    network = Network(cluster, NetworkSettings(routing=routing, queue_pairs=4))
    network.cost("all-gather", of.data, 1e9)
    network.cost("reduce-scatter", of.data, 2e9)
    network.cost("p2p", of.pipeline, 2 * 8192 * 16384 / 8)
    if per_node > 1:
        network.cost("all-gather", of.tensor, 2 * 8192 * 16384)
        network.cost("reduce-scatter", of.tensor, 2 * 8192 * 16384)
    return {
        "build_s": built_s - start_s,
        "step_s": perf_counter() - built_s,
        "added_bytes": _peak_bytes() - built_bytes,
    }


LARGE = {
    "fat-tree": {"k": 82},
    "clos": {"radix": 128},
    "torus": {"shape": [32, 64, 64]},
    "dragonfly": {"p": 16, "a": 32, "h": 16},
}
"""Of each family at 131,072 endpoints."""


def measure() -> dict[str, float]:
    """Return seconds of each command and of each step's network, and their ratios to the budgets."""
    results: dict[str, float] = {}
    for family in ARGUMENTS:
        seconds = _command_s(family)
        results |= {f"topology {family}: seconds": seconds, f"topology {family}: budget": seconds / COMMAND_BUDGET_S}
    for family in EIGHT:
        for routing in ("adaptive", "ecmp"):
            got = _apart(family, routing, ENDPOINTS)
            where = f"step on {family}, {routing}"
            results |= {f"{where}: {name}": value for name, value in got.items()}
            results[f"{where}: times its budget"] = got["step_s"] / STEP_BUDGET_S
            results[f"{where}: times its memory"] = got["added_bytes"] / STEP_BUDGET_BYTES
    for family in LARGE:
        got = _apart(family, "adaptive", 131072)
        results |= {f"131,072 on {family}: {name}": value for name, value in got.items()}
    return results


def _command_s(family: str) -> float:
    values = {"endpoints": ENDPOINTS, **ARGUMENTS[family]}
    texts = [f"{name}={','.join(map(str, v)) if isinstance(v, list) else v}" for name, v in values.items()]
    start_s = perf_counter()
    subprocess.run([sys.executable, "-m", "sim.cli", "topology", family, *texts], check=True, capture_output=True)
    return perf_counter() - start_s


def _apart(family: str, routing: str, endpoints: int) -> dict[str, float]:
    """Return what `step_seconds` does, measured in a process of its own."""
    per_node = 1 if family in ("dragonfly", "torus") else 8
    call = f"print(step_seconds({family!r}, {routing!r}, {per_node}, {endpoints}))"
    code = f"from tests.benchmarks.bench_families import step_seconds; {call}"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    pairs = (part.split(":") for part in done.stdout.strip().strip("{}").split(","))
    return {name.strip().strip("'"): float(value) for name, value in pairs}


def _peak_bytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0
