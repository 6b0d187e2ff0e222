"""Meta's RoCE clusters of 24,576 GPUs."""

import networkx as nx

from topologies.clos import clos


def meta_24k(
    *,
    endpoints: int = 24576,
    nics_per_node: int = 8,
    bandwidth_bytes_per_s: float = 50e9,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return the RoCE fabric of Llama 3's cluster (arXiv 2407.21783, section 3.3.1; Gangidi et al., SIGCOMM 2024).

    A Clos of 8 pods of 3,072 GPUs: racks of 16 GPUs under a leaf of 64 ports, 192 racks a pod under spines of 576
    ports without oversubscription, 1:7 between spines and cores. Switch counts above the racks follow from the port
    counts (see `clos`); they are not published.

    endpoints: NIC ports; fewer fill racks and pods in order. bandwidth_bytes_per_s: one direction of every cable.
    latency_s: of every cable with the switch it enters, one way.
    Raises ValueError for more endpoints than the cores of 576 ports join.

    >>> graph = meta_24k(endpoints=3072)  # one pod: 192 leaves, 8 spines
    >>> len(graph) - 3072
    200
    """
    graph = clos(
        endpoints=endpoints,
        nics_per_node=nics_per_node,
        tiers=3,
        radix=(64, 576, 576),
        oversubscription=(1, 1, 7),
        pod=3072,
        rack=16,
        bandwidth_bytes_per_s=bandwidth_bytes_per_s,
        latency_s=latency_s,
    )
    graph.graph.update(family="meta-24k", technology="ethernet")
    return graph
