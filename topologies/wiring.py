"""What all families add to a graph in the same way: NICs in the order of endpoints, and cables of one kind."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import networkx as nx

from topologies.arguments import require_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Cabling:
    """What all cables of one tier have in common."""

    bandwidth_bytes_per_s: float
    latency_s: float
    medium: str
    length_m: float


def nic_cabling(bandwidth_bytes_per_s: float, latency_s: float, *, optic: bool = False) -> Cabling:
    """Return the cable of a NIC: 2 m of copper, or 30 m of fibre where its switch stands apart (assumed).

    >>> nic_cabling(50e9, 5e-7).medium
    'copper'
    """
    return Cabling(
        bandwidth_bytes_per_s=require_number("bandwidth_bytes_per_s", bandwidth_bytes_per_s),
        latency_s=require_number("latency_s", latency_s, zero=True),
        medium="optic" if optic else "copper",
        length_m=30.0 if optic else 2.0,
    )


def optic(cabling: Cabling, length_m: float) -> Cabling:
    """Return the same link over fibre of another length.

    >>> optic(nic_cabling(50e9, 5e-7), 10.0).length_m
    10.0
    """
    return replace(cabling, medium="optic", length_m=length_m)


def nic_names(count: int) -> list[str]:
    """Return the names of the endpoints, which sort as they count.

    >>> nic_names(2)
    ['nic-000000', 'nic-000001']
    """
    return [f"nic-{endpoint:06d}" for endpoint in range(count)]


def add_nics(graph: "nx.Graph[str]", nics: Iterable[tuple[str, dict[str, object]]]) -> None:
    """Add endpoints: their names, and what is known of each beside kind and tier."""
    graph.add_nodes_from((name, {"kind": "nic", "tier": 0, **own}) for name, own in nics)


def add_cables(graph: "nx.Graph[str]", pairs: Iterable[tuple[str, str]], count: int, cabling: Cabling) -> None:
    """Join pairs of vertices by `count` parallel cables each."""
    graph.add_edges_from(
        pairs,
        bandwidth_bytes_per_s=cabling.bandwidth_bytes_per_s,
        latency_s=cabling.latency_s,
        count=count,
        medium=cabling.medium,
        length_m=cabling.length_m,
    )
