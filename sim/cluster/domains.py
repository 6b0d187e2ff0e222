"""What takes several nodes along when it fails: racks, power domains, cooling units and sites, with the nodes of each.

The graph says it where its endpoints carry the attribute (rack, power_domain, cooling_unit, site); else a leaf on which
all NICs of its nodes hang stands on top of their rack; else sizes are stated, in nodes or in racks.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.cluster.fabric.arrays import IntArray
from sim.cluster.records import Cluster
from sim.errors import ScenarioError

DOMAINS = ("rack", "power-domain", "cooling-unit", "site")
"""Kinds of failure domains."""

WHERE = "cluster.domains"

_EXAMPLES = {
    "rack": "{ nodes = 4 }",
    "power-domain": "{ racks = 8 }",
    "cooling-unit": "{ racks = 4 }",
    "site": "{ racks = 64 }",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainSize:
    """What one domain holds: so many nodes, or the nodes of so many racks."""

    nodes: int | None = None
    racks: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureDomains:
    """The domains of a kind by name, and the nodes of each in ascending order; every node is in exactly one."""

    names: tuple[str, ...]
    nodes: tuple[IntArray, ...]


def failure_domains(
    kind: str, nodes: int, sizes: Mapping[str, DomainSize], cluster: Cluster | None = None
) -> FailureDomains:
    """Return the domains of a kind (one of DOMAINS, or node) that `nodes` nodes, job and spare, lie in.

    Domains that are stated hold consecutive nodes, or consecutive racks; none reaches beyond a site that the graph
    knows, and the last of a site may hold fewer. They are numbered, so that clusters alike name them alike. cluster:
    None where no topology is drawn.

    Raises ScenarioError where neither the graph nor a size says what a domain holds, where the two differ, and for a
    node whose NICs lie in several.

    >>> racks = failure_domains("rack", 5, {"rack": DomainSize(nodes=2)})
    >>> racks.names, [own.tolist() for own in racks.nodes]
    (('rack-0', 'rack-1', 'rack-2'), [[0, 1], [2, 3], [4]])
    >>> halls = failure_domains("cooling-unit", 5, {"rack": DomainSize(nodes=2), "cooling-unit": DomainSize(racks=2)})
    >>> [own.tolist() for own in halls.nodes]
    [[0, 1, 2, 3], [4]]
    """
    members: dict[Hashable, list[int]] = {}
    for node, label in enumerate(_labels(kind, nodes, sizes, cluster)):
        members.setdefault(label, []).append(node)
    return FailureDomains(
        names=tuple(label if isinstance(label, str) else f"{kind}-{label}" for label in members),
        nodes=tuple(np.array(own, dtype=np.int64) for own in members.values()),
    )


def _labels(kind: str, nodes: int, sizes: Mapping[str, DomainSize], cluster: Cluster | None) -> Sequence[Hashable]:
    """Return the domain of every node."""
    if kind == "node":
        return range(nodes)
    drawn, size = _drawn(kind, cluster), sizes.get(kind)
    if size is None:
        found = drawn or (_under_leaves(cluster) if kind == "rack" else None)
        if found is None:
            raise _unknown(kind, cluster)
        return found
    units = range(nodes) if size.racks is None else _labels("rack", nodes, sizes, cluster)
    sites = _drawn("site", cluster) or [0] * nodes
    stated = _grouped(units, sites, size.nodes or size.racks or 1)
    if drawn is not None and _numbered(drawn) != stated:
        raise ScenarioError(
            f"{WHERE}.{kind}: the graph says which {kind} a node is in, and another; expected none here"
        )
    return drawn or stated


def _numbered(labels: Sequence[Hashable]) -> list[int]:
    """Return labels as numbers, from the first on.

    >>> _numbered("bba")
    [0, 0, 1]
    """
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(label, len(numbers)) for label in labels]


def _grouped(units: Sequence[Hashable], sites: Sequence[Hashable], size: int) -> list[int]:
    """Return the number of the group of each node: `size` units in a row, of one site.

    >>> _grouped(range(5), "aaabb", 2)
    [0, 0, 1, 2, 2]
    """
    seen: dict[Hashable, dict[Hashable, int]] = {}
    groups = []
    for unit, site in zip(units, sites, strict=True):
        own = seen.setdefault(site, {})
        groups.append((site, own.setdefault(unit, len(own)) // size))
    return _numbered(groups)


def _drawn(kind: str, cluster: Cluster | None) -> list[Hashable] | None:
    """Return what the graph's endpoints say of every node, None where they say nothing."""
    attribute = kind.replace("-", "_")
    if cluster is None or not any(attribute in cluster.graph.nodes[nic] for nic in cluster.endpoints):
        return None
    labels: list[Hashable] = []
    for node, own in enumerate(
        _by_node([cluster.graph.nodes[nic].get(attribute) for nic in cluster.endpoints], cluster)
    ):
        if len(own) > 1 or None in own:
            said = ", ".join(sorted(map(str, own)))
            raise ScenarioError(
                f"cluster.topology: {attribute} of the NICs of node {node}: got {said}; expected one, the same for all"
            )
        labels += own
    return labels


def _under_leaves(cluster: Cluster | None) -> list[int] | None:
    """Return the leaf of every node, numbered from the first node on; None where a node's NICs hang on several."""
    if cluster is None or not cluster.endpoints:
        return None
    graph = cluster.graph
    # A leaf of a rail or a plane serves many racks, even where it is the only one.
    if not {"rail", "plane"}.isdisjoint(graph.nodes[cluster.endpoints[0]]):
        return None
    leaves = [next(iter(graph.adj[nic])) for nic in cluster.endpoints]
    own = _by_node(leaves, cluster)
    # A router is part of a chip, and stands on top of nothing.
    if any(len(each) > 1 for each in own) or any(graph.nodes[leaf].get("router") for leaf in {*leaves}):
        return None
    return _numbered([leaf for each in own for leaf in each])


def _by_node(values: Sequence[Hashable], cluster: Cluster) -> list[set[Hashable]]:
    """Return what the NICs of each node say."""
    nics = cluster.node.nics
    return [{*values[first : first + nics]} for first in range(0, len(values), nics)]


def _unknown(kind: str, cluster: Cluster | None) -> ScenarioError:
    why = "there is no cluster.topology that says" if cluster is None else "the graph does not say"
    return ScenarioError(
        f"{WHERE}.{kind}: is missing, and {why} which {kind} a node is in; expected what one holds, such as "
        f"{kind} = {_EXAMPLES[kind]}"
    )
