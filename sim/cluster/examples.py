"""Small nodes for doctests and tests; nothing here is catalog data."""

from sim.catalog.records import Accelerator, Node, Provenance
from sim.cluster.records import Cluster

_EXAMPLE = {"*": Provenance(source="example", date="2026-01-01", kind="assumed")}


def accelerator(*, scale_up_bytes_per_s: float = 450e9, efficiency: float = 0.822) -> Accelerator:
    """Return an accelerator of which only the scale-up port matters.

    >>> accelerator().scale_up_bandwidth_bytes_per_s
    450000000000.0
    """
    return Accelerator(
        name="example",
        vendor="example",
        peak_flops_per_s={"bf16": 1e15},
        sm_count=132,
        hbm_bytes=80e9,
        hbm_bandwidth_bytes_per_s=3.35e12,
        hbm_efficiency=0.9,
        scale_up_bandwidth_bytes_per_s=scale_up_bytes_per_s,
        scale_up_efficiency=efficiency,
        tdp_w=700.0,
        idle_w=70.0,
        busy_w=600.0,
        communicating_w=300.0,
        gemm={},
        attention={},
        sources=_EXAMPLE,
    )


def node(
    *,
    gpus: int = 1,
    nics: int = 1,
    domain: int | None = None,
    nic_latency_s: float = 0.0,
    scale_up_latency_s: float = 0.0,
) -> Node:
    """Return a node of 50 GB/s NICs, by default one GPU with one NIC.

    >>> node(gpus=8, nics=4).scale_up_domain
    8
    """
    return Node(
        name="example",
        accelerator="example",
        accelerators=gpus,
        scale_up_domain=gpus if domain is None else domain,
        scale_up_latency_s=scale_up_latency_s,
        scale_up_switches=0,
        nics=nics,
        nic_bandwidth_bytes_per_s=50e9,
        nic_latency_s=nic_latency_s,
        network_technology="ethernet",
        cpus=1,
        pcie_switches=1,
        pcie_bandwidth_bytes_per_s=1e12,
        host_to_device_bandwidth_bytes_per_s=50e9,
        nameplate_w=10200.0,
        overhead_idle_w=1000.0,
        overhead_busy_w=3000.0,
        sources=_EXAMPLE,
    )


def line() -> Cluster:
    """Return two nodes of one GPU whose graph nobody reads.

    >>> line().gpus
    2
    """
    import networkx as nx

    return Cluster(graph=nx.Graph(), endpoints=(), node=node(), accelerator=accelerator(), nodes=2)
