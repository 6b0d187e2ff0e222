"""How a fabric is wired: one file a family, each a plain function of plain arguments that returns a networkx graph.

Vertices: kind ("nic", "switch" or "manager"), tier (0 NIC, 1 leaf, 2 spine, 3 core), pod (not on cores), node (on
NICs), and rail, plane, site, segment, rack where a family has them. A router that is part of a chip is a switch of
tier 1 with router = True and its coordinates `at`; its endpoint hangs on it by the medium "on-chip".
Edges: bandwidth_bytes_per_s (one direction of one cable), latency_s, count (parallel cables), medium, length_m.
Graph: family; shape (and wrap) of a grid; groups of a dragonfly; gpus_per_node and nics_per_node where the fabric
leaves it to the nodes to join rails or planes, or gives a GPU several ports.
All families take endpoints (NIC ports; default: as many as they hold), nics_per_node, bandwidth_bytes_per_s and
latency_s beside their own arguments, and raise ValueError with what, got and expected.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import networkx as nx

from topologies.alibaba_hpn import alibaba_hpn
from topologies.clos import clos
from topologies.dragonfly import dragonfly, dragonfly_plus
from topologies.fat_tree import fat_tree
from topologies.hyperx import hyperx
from topologies.imported import imported
from topologies.jellyfish import jellyfish
from topologies.leaf_spine import leaf_spine
from topologies.meta_24k import meta_24k
from topologies.mixed import mixed
from topologies.multi_plane import multi_plane
from topologies.multi_site import multi_site
from topologies.nvl72 import nvl72
from topologies.rail_only import rail_only
from topologies.rail_optimized import rail_optimized
from topologies.slim_fly import slim_fly
from topologies.superpod import superpod_b200, superpod_h100
from topologies.torus import torus
from topologies.tpu import tpu_v4, tpu_v5p

FAMILIES: Mapping[str, Callable[..., "nx.Graph[str]"]] = MappingProxyType(
    {
        "alibaba-hpn": alibaba_hpn,
        "clos": clos,
        "dragonfly": dragonfly,
        "dragonfly-plus": dragonfly_plus,
        "fat-tree": fat_tree,
        "hyperx": hyperx,
        "imported": imported,
        "jellyfish": jellyfish,
        "leaf-spine": leaf_spine,
        "meta-24k": meta_24k,
        "mixed": mixed,
        "multi-plane": multi_plane,
        "multi-site": multi_site,
        "nvl72": nvl72,
        "rail-only": rail_only,
        "rail-optimized": rail_optimized,
        "slim-fly": slim_fly,
        "superpod-b200": superpod_b200,
        "superpod-h100": superpod_h100,
        "torus": torus,
        "tpu-v4": tpu_v4,
        "tpu-v5p": tpu_v5p,
    }
)

__all__ = [
    "FAMILIES",
    "alibaba_hpn",
    "clos",
    "dragonfly",
    "dragonfly_plus",
    "fat_tree",
    "hyperx",
    "imported",
    "jellyfish",
    "leaf_spine",
    "meta_24k",
    "mixed",
    "multi_plane",
    "multi_site",
    "nvl72",
    "rail_only",
    "rail_optimized",
    "slim_fly",
    "superpod_b200",
    "superpod_h100",
    "torus",
    "tpu_v4",
    "tpu_v5p",
]
