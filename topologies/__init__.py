"""How a fabric is wired: one file a family, each a plain function of plain arguments that returns a networkx graph.

Vertices: kind ("nic" or "switch"), tier (0 NIC, 1 leaf, 2 spine, 3 core), pod (not on cores), node (on NICs).
Edges: bandwidth_bytes_per_s (one direction of one cable), latency_s, count (parallel cables), medium, length_m.
All families take endpoints (NIC ports; default: as many as they hold), nics_per_node, bandwidth_bytes_per_s and
latency_s beside their own arguments, and raise ValueError with what, got and expected.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import networkx as nx

from topologies.clos import clos
from topologies.fat_tree import fat_tree
from topologies.leaf_spine import leaf_spine
from topologies.rail_optimized import rail_optimized

FAMILIES: Mapping[str, Callable[..., "nx.Graph[str]"]] = MappingProxyType(
    {
        "clos": clos,
        "fat-tree": fat_tree,
        "leaf-spine": leaf_spine,
        "rail-optimized": rail_optimized,
    }
)

__all__ = ["FAMILIES", "clos", "fat_tree", "leaf_spine", "rail_optimized"]
