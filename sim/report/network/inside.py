"""The inside of a node on the screen: how GPUs reach NICs, as `nvidia-smi topo -m` shows it."""

from collections import Counter

from sim.cluster.inside import affinity, nic_rates, node_graph
from sim.cluster.records import Cluster
from sim.quantities import show
from sim.report.text import Result, table

_MEANING = "PIX: one PCIe switch, PHB: one CPU, SYS: another CPU between; *: a GPU's own NIC"


def inside_json(cluster: Cluster) -> Result:
    """Return vertices by kind, what a NIC carries, and the affinity of every GPU to every NIC of a node."""
    node = cluster.node
    graph = node_graph(node, cluster.accelerator)
    gpus, nics = ([each for each in graph if each.startswith(kind)] for kind in ("gpu-", "nic-"))
    return {
        "node": node.name,
        "vertices": dict(Counter(kind for _, kind in graph.nodes(data="kind"))),
        "nic_bytes_per_s": float(nic_rates(graph, node).min()) if nics else 0.0,
        "pcie_bytes_per_s": node.pcie_bandwidth_bytes_per_s,
        "scale_up_bytes_per_s": cluster.accelerator.scale_up_bandwidth_bytes_per_s,
        "affinity": {gpu: {nic: affinity(graph, gpu, nic) for nic in nics} for gpu in gpus},
        "uses": {gpu: _used(ordinal, node.accelerators, node.nics) for ordinal, gpu in enumerate(gpus)},
    }


def _used(gpu: int, gpus: int, nics: int) -> list[str]:
    first = gpu * nics // gpus
    return [f"nic-{first + port}" for port in range(max(1, nics // gpus) if nics else 0)]


def inside_lines(inside: Result) -> list[str]:
    """Return the lines of a node's inside."""
    parts = ", ".join(f"{count} {kind}" for kind, count in inside["vertices"].items())
    nvlink, slot, nic = (
        show(inside[name], "bandwidth", unit="GB/s")
        for name in ("scale_up_bytes_per_s", "pcie_bytes_per_s", "nic_bytes_per_s")
    )
    nics = list(next(iter(inside["affinity"].values())))
    rows = [
        [gpu, *(f"{way}*" if nic in inside["uses"][gpu] else way for nic, way in ways.items())]
        for gpu, ways in inside["affinity"].items()
    ]
    head = f"Inside {inside['node']}: {parts}"
    widths = f"NVLink {nvlink} a GPU, PCIe {slot} a slot, {nic} through a NIC"
    return [head, widths, *table([["", *nics], *rows], "<" * (len(nics) + 1)), _MEANING]
