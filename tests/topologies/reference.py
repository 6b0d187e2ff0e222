"""Published counts of topologies, from the reference data."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import networkx as nx

NETWORK = Path(__file__).parents[2] / "experiments" / "reference" / "network.json"


@cache
def network() -> dict[str, Any]:
    return json.loads(NETWORK.read_text())


def oracles(name: str) -> list[dict[str, Any]]:
    return [oracle for oracle in network()["topology_oracles"] if oracle["name"].startswith(name)]


def cables(graph: nx.Graph, low: int, high: int) -> int:
    """Cables between two tiers."""
    return sum(
        link["count"]
        for near, far, link in graph.edges(data=True)
        if {graph.nodes[near]["tier"], graph.nodes[far]["tier"]} == {low, high}
    )


def switches(graph: nx.Graph, tier: int) -> list[str]:
    return [vertex for vertex, own in graph.nodes(data="tier") if own == tier]


def ports(graph: nx.Graph, switch: str) -> int:
    return graph.degree(switch, weight="count")
