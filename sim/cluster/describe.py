"""What a topology is: counts, diameter and bisection of its graph."""

from collections import Counter
from typing import TYPE_CHECKING, TypedDict

from sim.cluster.bisection import bisection_bytes_per_s
from sim.cluster.contract import endpoints_of, link_counts
from sim.cluster.diameter import diameter_hops
from sim.cluster.skeleton import ON_CHIP, Skeleton, skeleton

if TYPE_CHECKING:
    import networkx as nx

TIERS = {1: "leaf", 2: "spine", 3: "core"}


class Description(TypedDict):
    """Facts of a topology, as `topology --json` prints them; links count cables, bandwidths one direction."""

    family: str
    hosts: int
    gpus: int
    switches: int
    switches_by_tier: dict[str, int]
    links_total: int
    links_switch_switch: int
    oversubscription: list[float]
    diameter_hops: int
    bisection_bytes_per_s: float
    optical_circuit_switches: int


def describe(graph: "nx.Graph[str]", gpus: int | None = None) -> Description:
    """Return the facts of a graph that honours the contract; gpus defaults to one an endpoint.

    Routers that are part of a chip are no switches, and what joins a chip to its own router is no link; links between
    routers count as links between switches. optical_circuit_switches are no hops and no vertices: a family states
    how many its links pass through.
    diameter_hops: links on the longest of all shortest paths between endpoints that the graph joins.
    bisection_bytes_per_s: the least capacity, one direction, whose removal parts the first half of the endpoints (in
    order) from the second: the textbook bisection for full trees, where any other halving cuts at least as much. On a
    grid, the least over the halvings of each even dimension.
    oversubscription: per tier from the bottom, bandwidth below the tier beneath over the bandwidth that joins the two.

    >>> from topologies import fat_tree, torus
    >>> facts = describe(fat_tree(k=4))
    >>> facts["hosts"], facts["switches_by_tier"], facts["links_total"], facts["links_switch_switch"]
    (16, {'leaf': 8, 'spine': 8, 'core': 4}, 48, 32)
    >>> facts["diameter_hops"], facts["bisection_bytes_per_s"] / 50e9
    (6, 8.0)
    >>> facts = describe(torus(shape=[4, 4]))
    >>> facts["switches"], facts["links_total"], facts["diameter_hops"], facts["bisection_bytes_per_s"] / 50e9
    (0, 32, 4, 8.0)
    """
    endpoints = endpoints_of(graph)
    bones = skeleton(graph, endpoints)
    tiers = Counter(bones.tiers[~bones.routers].tolist())
    return Description(
        family=str(graph.graph.get("family", "imported")),
        hosts=len(endpoints),
        gpus=len(endpoints) if gpus is None else gpus,
        switches=int((~bones.routers).sum()),
        switches_by_tier={TIERS.get(tier, f"tier-{tier}"): tiers[tier] for tier in sorted(tiers)},
        links_total=sum(
            links * count
            for (medium, count), links in link_counts(graph, "medium", "count").items()
            if medium != ON_CHIP
        ),
        links_switch_switch=int(bones.cables.sum()),
        oversubscription=oversubscription(bones),
        diameter_hops=diameter_hops(bones),
        bisection_bytes_per_s=bisection_bytes_per_s(bones),
        optical_circuit_switches=int(graph.graph.get("optical_circuit_switches", 0)),
    )


def oversubscription(bones: Skeleton) -> list[float]:
    """Return the ratio of every tier from the bottom, as far as links join each tier to the next."""
    below = float(bones.halves_bytes_per_s.sum())
    ratios = [1.0]
    for tier in range(1, int(bones.tiers.max(initial=0))):
        one, other = bones.tiers[bones.near], bones.tiers[bones.far]
        joins = ((one == tier) & (other == tier + 1)) | ((one == tier + 1) & (other == tier))
        above = float(bones.capacity_bytes_per_s[joins].sum())
        if above == 0:
            break
        ratios.append(below / above)
        below = above
    return ratios
