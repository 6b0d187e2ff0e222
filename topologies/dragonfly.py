"""Dragonflies: groups of switches, every two of which are joined by global cables."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product

import networkx as nx

from topologies.arguments import MOST_PORTS, require_count, require_endpoints
from topologies.hosts import add_counted_cables, add_terminals
from topologies.wiring import add_cables, add_nics, nic_cabling, nic_names, optic

LOCAL_M = 10.0
GLOBAL_M = 100.0
"""Of fibre (assumed)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DragonflyPlan:
    """Dimensions of a dragonfly; a dragonfly+ has `spines` beside its leaves in every group."""

    endpoints: int
    groups: int
    leaves: int
    spines: int
    local: int
    globals: int

    @property
    def switches(self) -> int:
        """Switches of all groups."""
        return self.groups * (self.leaves + self.spines)

    @property
    def cables(self) -> int:
        """Cables between switches."""
        return self.local + self.globals


def dragonfly(
    *,
    endpoints: int | None = None,
    nics_per_node: int = 1,
    p: int,
    a: int,
    h: int,
    g: int | None = None,
    bandwidth_bytes_per_s: float = 50e9,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return a dragonfly (Kim, Dally, Scott and Abts, ISCA 2008).

    g groups of a routers, all joined to one another, with p endpoints and h global cables each: a g routers, p a g
    endpoints, g a (a - 1)/2 local and g a h/2 global cables, ports p + a - 1 + h, three hops between any two routers.
    g: at most a h + 1, its default, where every two groups share one cable; balanced is a = 2p = 2h. With fewer groups
    they share more, dealt in turn to the nearest groups around a ring of all; with g and a h odd one port of each group
    stays free. Port k of a group leads as far around the ring as port a h - 1 - k leads back (relative arrangement).

    endpoints: NIC ports, default all; fewer fill routers and groups in order, and all groups are built.
    bandwidth_bytes_per_s: one direction of every cable. latency_s: of every cable with the switch it enters, one way.
    Raises ValueError for more groups than global cables join, and for too many endpoints.

    The smallest balanced one:

    >>> graph = dragonfly(p=2, a=4, h=2)
    >>> len(graph) - 72, graph.number_of_edges() - 72
    (36, 90)
    >>> plan = dragonfly_plan(p=16, a=32, h=16, g=511)  # DeepSeek, arXiv 2505.09343, table 3
    >>> plan.switches, plan.cables, plan.endpoints
    (16352, 384272, 261632)
    """
    plan = dragonfly_plan(endpoints=endpoints, nics_per_node=nics_per_node, p=p, a=a, h=h, g=g)
    nic = nic_cabling(bandwidth_bytes_per_s, latency_s)
    names = [[f"router-{group}-{place}" for place in range(a)] for group in range(plan.groups)]
    graph: nx.Graph[str] = nx.Graph(family="dragonfly", groups=plan.groups)
    add_terminals(
        graph,
        [name for group in names for name in group],
        endpoints=plan.endpoints,
        per_switch=p,
        nics_per_node=nics_per_node,
        nic=nic,
        pod={name: group for group, own in enumerate(names) for name in own},
    )
    add_cables(graph, (pair for group in names for pair in combinations(group, 2)), 1, optic(nic, LOCAL_M))
    add_counted_cables(graph, _global_cables(names, h), optic(nic, GLOBAL_M))
    return graph


def dragonfly_plan(
    *, endpoints: int | None = None, nics_per_node: int = 1, p: int, a: int, h: int, g: int | None = None
) -> DragonflyPlan:
    """Return the dimensions of a dragonfly without building it.

    >>> dragonfly_plan(p=1, a=2, h=1).groups
    3
    """
    _require_ports(f"p + a - 1 + h: got {p} + {a} - 1 + {h}", p=p, a=a, h=h)
    groups = _require_groups(g, a * h)
    fabric = f"a dragonfly of {groups} groups of {a} routers with {p} endpoints"
    return DragonflyPlan(
        endpoints=require_endpoints(endpoints, nics_per_node, p * a * groups, fabric),
        groups=groups,
        leaves=a,
        spines=0,
        local=groups * a * (a - 1) // 2,
        globals=groups * a * h // 2 if groups % 2 == 0 else groups * (a * h // 2),
    )


def dragonfly_plus(
    *,
    endpoints: int | None = None,
    nics_per_node: int = 1,
    p: int = 8,
    leaves: int = 8,
    spines: int = 8,
    h: int = 8,
    g: int | None = None,
    bandwidth_bytes_per_s: float = 50e9,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return a dragonfly+ (Shpiner et al., HiPINEB 2017): each group is a leaf-spine, and spines join the groups.

    g groups of l leaves with p endpoints each and s spines with h global cables each: g l p endpoints, g l s local
    and g s h/2 global cables, ports p + s of a leaf and l + h of a spine. g: at most s h + 1, its default; global
    cables are dealt as in `dragonfly`. The default is of switches with 16 ports: 65 groups, 4,160 endpoints.

    endpoints: NIC ports, default all; fewer fill leaves and groups in order, and all groups are built.
    bandwidth_bytes_per_s: one direction of every cable. latency_s: of every cable with the switch it enters, one way.
    Raises ValueError for more groups than global cables join, and for too many endpoints.

    >>> graph = dragonfly_plus(p=2, leaves=2, spines=2, h=2)  # 5 groups: 20 endpoints, 20 local, 10 global cables
    >>> len(graph) - 20, graph.number_of_edges() - 20
    (20, 30)
    """
    plan = dragonfly_plus_plan(
        endpoints=endpoints, nics_per_node=nics_per_node, p=p, leaves=leaves, spines=spines, h=h, g=g
    )
    nic = nic_cabling(bandwidth_bytes_per_s, latency_s)
    below = [[f"leaf-{group}-{place}" for place in range(leaves)] for group in range(plan.groups)]
    above = [[f"spine-{group}-{place}" for place in range(spines)] for group in range(plan.groups)]
    graph: nx.Graph[str] = nx.Graph(family="dragonfly-plus", groups=plan.groups)
    names, group_size = nic_names(plan.endpoints), p * leaves
    add_nics(graph, ((name, {"pod": e // group_size, "node": e // nics_per_node}) for e, name in enumerate(names)))
    for tier, switches in ((1, below), (2, above)):
        for group, own in enumerate(switches):
            graph.add_nodes_from(own, kind="switch", tier=tier, pod=group)
    hosts = [leaf for group in below for leaf in group]
    add_cables(graph, ((name, hosts[e // p]) for e, name in enumerate(names)), 1, nic)
    pairs = (pair for low, high in zip(below, above, strict=True) for pair in product(low, high))
    add_cables(graph, pairs, 1, optic(nic, LOCAL_M))
    add_counted_cables(graph, _global_cables(above, h), optic(nic, GLOBAL_M))
    return graph


def dragonfly_plus_plan(
    *,
    endpoints: int | None = None,
    nics_per_node: int = 1,
    p: int = 8,
    leaves: int = 8,
    spines: int = 8,
    h: int = 8,
    g: int | None = None,
) -> DragonflyPlan:
    """Return the dimensions of a dragonfly+ without building it.

    >>> plan = dragonfly_plus_plan()
    >>> plan.endpoints, plan.switches, plan.local, plan.globals
    (4160, 1040, 4160, 2080)
    """
    _require_ports(f"p, leaves, spines, h: got {p}, {leaves}, {spines}, {h}", p=p, leaves=leaves, spines=spines, h=h)
    groups = _require_groups(g, spines * h)
    fabric = f"a dragonfly+ of {groups} groups of {leaves} leaves with {p} endpoints"
    return DragonflyPlan(
        endpoints=require_endpoints(endpoints, nics_per_node, p * leaves * groups, fabric),
        groups=groups,
        leaves=leaves,
        spines=spines,
        local=groups * leaves * spines,
        globals=groups * spines * h // 2 if groups % 2 == 0 else groups * (spines * h // 2),
    )


def global_ports(groups: int, ports: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield both ends, (group, port), of every global cable; see `dragonfly` for the arrangement.

    >>> list(global_ports(3, 2))
    [((0, 0), (1, 1)), ((1, 0), (2, 1)), ((2, 0), (0, 1))]
    """
    for port in range(ports // 2):
        away = 1 + port % (groups // 2)
        yield from (((group, port), ((group + away) % groups, ports - 1 - port)) for group in range(groups))
    if ports % 2 and groups % 2 == 0:
        middle, half = ports // 2, groups // 2
        yield from (((group, middle), (group + half, middle)) for group in range(half))


def _global_cables(switches: list[list[str]], h: int) -> Counter[tuple[str, str]]:
    """Return the global cables between every two switches that have some."""
    cables: Counter[tuple[str, str]] = Counter()
    for ends in global_ports(len(switches), len(switches[0]) * h):
        (one, near), (other, far) = sorted(ends)
        cables[switches[one][near // h], switches[other][far // h]] += 1
    return cables


def _require_ports(got: str, **counts: int) -> None:
    for name, count in counts.items():
        require_count(name, count)
    if sum(counts.values()) > MOST_PORTS:
        raise ValueError(f"{got}, expected at most {MOST_PORTS:,} in all")


def _require_groups(groups: object, ports: int) -> int:
    if groups is None:
        return ports + 1
    count = require_count("g", groups, 2)
    if count > ports + 1:
        raise ValueError(f"g: got {count}, but {ports} global ports of a group join at most {ports + 1} groups")
    return count
