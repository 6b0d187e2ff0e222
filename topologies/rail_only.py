"""Rails alone: the NICs of one ordinal have a fabric of their own, and nothing joins the rails but the nodes."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import networkx as nx

from topologies.arguments import require_count, require_endpoints, require_ports
from topologies.folded import Plan, add_fabric, leaf_names, split_ports, three_tiers, two_tiers
from topologies.wiring import add_nics, nic_cabling, nic_names


@dataclass(frozen=True, slots=True, kw_only=True)
class RailPlan:
    """Dimensions of a rail-only network: `fabrics` alike, each of which carries `share` rails."""

    endpoints: int
    rails: int
    share: int
    fabric: Plan

    @property
    def fabrics(self) -> int:
        """Fabrics, the last of which may carry fewer rails."""
        return ceil(self.rails / self.share)

    @property
    def switches(self) -> int:
        """Switches of all rails."""
        return self.fabrics * self.fabric.switches

    @property
    def cables(self) -> int:
        """Cables between switches."""
        return self.fabrics * self.fabric.cables


def rail_only(
    *,
    endpoints: int | None = None,
    nics_per_node: int = 8,
    rails: int | None = None,
    radix: int = 64,
    bandwidth_bytes_per_s: float = 50e9,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return K rails, each a non-blocking Clos of its own over N/K endpoints (Wang et al., arXiv 2307.12169).

    rails: the NICs of a scale-up domain, default nics_per_node; endpoint e is on rail e mod K. Traffic between rails
    crosses the scale-up domain, so that the graph alone does not join them. A rail is one switch up to radix
    endpoints, two tiers up to radix^2/2, else a three-tier fat tree. Rails so small that one switch has the ports
    of several share it (and are joined there). A NIC hangs on 30 m of fibre, as on rails with spines between.

    endpoints: NIC ports, default the largest with two tiers. bandwidth_bytes_per_s: one direction of every cable.
    latency_s: of every cable with the switch it enters, one way.
    Raises ValueError for fewer endpoints than rails, and for more than three tiers hold.

    16,384 GPUs of domains of 8 take 40 % fewer switches than the 1,280 of a Clos; at 32,768 both need three tiers.

    >>> plan = rail_only_plan(endpoints=16384)
    >>> plan.switches, plan.cables
    (768, 16384)
    >>> rail_only_plan(endpoints=16384, rails=256).switches
    256
    >>> graph = rail_only(endpoints=64)
    >>> graph.nodes["nic-000013"]["rail"], sorted(graph["nic-000013"])
    (5, ['rail-0-leaf-0-0'])
    """
    plan = rail_only_plan(endpoints=endpoints, nics_per_node=nics_per_node, rails=rails, radix=radix)
    cable = nic_cabling(bandwidth_bytes_per_s, latency_s, optic=True)
    graph: nx.Graph[str] = nx.Graph(family="rail-only", gpus_per_node=plan.rails, nics_per_node=plan.rails)
    names, leaf_of = nic_names(plan.endpoints), _leaves(plan)
    add_nics(
        graph,
        (
            (name, {"pod": leaf // plan.fabric.leaves_per_pod, "node": e // nics_per_node, "rail": e % plan.rails})
            for e, (name, leaf) in enumerate(zip(names, leaf_of, strict=True))
        ),
    )
    for fabric in range(plan.fabrics):
        first = fabric * plan.share
        shared = range(first, min(first + plan.share, plan.rails))
        own = [e for rail in shared for e in range(rail, plan.endpoints, plan.rails)]
        prefix = f"rail-{first}-"
        add_fabric(
            graph,
            plan.fabric,
            nics=[names[e] for e in own],
            leaf_of=[leaf_of[e] for e in own],
            leaf_names=leaf_names(plan.fabric, prefix),
            nic=cable,
            prefix=prefix,
            marks={"rail": first},
        )
    return graph


def rail_only_plan(
    *, endpoints: int | None = None, nics_per_node: int = 8, rails: int | None = None, radix: int = 64
) -> RailPlan:
    """Return the dimensions of a rail-only network without building it.

    >>> rail_only_plan(endpoints=2048, rails=256).switches  # 8 rails of 8 endpoints on each switch
    32
    """
    down = require_ports("radix", radix) // 2
    count = require_count("nics_per_node", nics_per_node) if rails is None else require_count("rails", rails)
    capacity = count * (radix * down if endpoints is None else max(radix * down, 2 * down**3))
    fabric = f"a rail-only network of {count} rails with radix {radix}"
    wired = require_endpoints(endpoints, nics_per_node, capacity, fabric)
    if wired < count:
        raise ValueError(f"endpoints: got {wired}, expected at least one for each of {count} rails")
    rail = ceil(wired / count)
    share = max(1, min(count, radix // rail)) if rail <= radix else 1
    return RailPlan(endpoints=wired, rails=count, share=share, fabric=_rail(rail * share, radix))


def _rail(endpoints: int, radix: int) -> Plan:
    """Return the fabric of one rail, or of those that share a switch."""
    if endpoints <= radix:
        return Plan(endpoints=endpoints, leaves=1, leaves_per_pod=1, leaf_down=radix, leaf_up=0, spines=0)
    down = radix // 2
    leaves = ceil(endpoints / down)
    if leaves <= radix:
        return two_tiers(endpoints=endpoints, leaves=leaves, leaf_down=down, leaf_up=down, spine_ports=radix)
    return three_tiers(
        endpoints=endpoints,
        leaves=leaves,
        leaves_per_pod=split_ports(radix, Fraction(1))[0],
        leaf_down=down,
        leaf_up=down,
        ratio=Fraction(1),
        spine_ports=radix,
        core_ports=radix,
    )


def _leaves(plan: RailPlan) -> list[int]:
    """Return the leaf of every endpoint within its fabric: each rail fills one leaf after the other."""
    per_leaf = plan.fabric.leaf_down // plan.share
    return [min(e // plan.rails // per_leaf, plan.fabric.leaves - 1) for e in range(plan.endpoints)]
