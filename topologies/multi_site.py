"""Several sites, each a Clos, joined over a wide-area network."""

from collections.abc import Sequence
from math import ceil

import networkx as nx

from topologies.arguments import require_count, require_endpoints, require_number
from topologies.joined import Part, add_part, join_parts, part_plan
from topologies.wiring import Cabling, add_nics, nic_cabling, nic_names

FIBRE_M_PER_S = 2.0e8
"""Light in glass."""


def multi_site(
    *,
    endpoints: int | None = None,
    nics_per_node: int = 1,
    sites: int = 2,
    tiers: int = 2,
    radix: int = 64,
    oversubscription: Sequence[float] | None = None,
    wan_links: int = 8,
    wan_bandwidth_bytes_per_s: float = 50e9,
    wan_latency_s: float = 1e-3,
    bandwidth_bytes_per_s: float = 50e9,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return sites that are a Clos each, every two of which are joined by lines over a WAN.

    A site ends in border leaves: leaves without endpoints whose lower ports take the lines, so that the site's own
    oversubscription holds up to them. tiers, radix, oversubscription: of every site, as in `clos`.
    wan_links: lines between every two sites; wan_bandwidth_bytes_per_s: one direction of one;
    wan_latency_s: one way. A line is as long as light goes in that time in glass, 200 km a millisecond; its medium is
    "wan", which the bill of materials leaves to others.

    endpoints: NIC ports, spread over sites in whole nodes, site by site; default all that the sites hold.
    bandwidth_bytes_per_s: one direction of every cable within a site. latency_s: of every such cable, one way.
    Raises ValueError for sites without a node, and for more endpoints than fit beside the border leaves.

    >>> graph = multi_site(endpoints=128, radix=16, wan_links=4)
    >>> graph.edges["site-0-leaf-0-8", "site-1-leaf-0-8"]["count"], graph.nodes["nic-000064"]["site"]
    (4, 1)
    """
    outward = (require_count("sites", sites, 2) - 1) * require_count("wan_links", wan_links)
    if endpoints is None:
        room = part_plan(None, outward, tiers=tiers, radix=radix, oversubscription=oversubscription)[0].endpoints
        endpoints = sites * (room - room % require_count("nics_per_node", nics_per_node))
    count = require_endpoints(endpoints, nics_per_node, endpoints, f"{sites} sites")
    per_site = ceil(count // nics_per_node / sites) * nics_per_node
    if (sites - 1) * per_site >= count:
        raise ValueError(f"sites: got {sites}, expected at most one for each of {count // nics_per_node} nodes, evenly")
    parts = []
    for site in range(sites):
        own = min(per_site, count - site * per_site)
        plan, borders = part_plan(own, outward, tiers=tiers, radix=radix, oversubscription=oversubscription)
        parts.append(Part(plan=plan, borders=borders, prefix=f"site-{site}-", marks={"site": site}))
    graph: nx.Graph[str] = nx.Graph(family="multi-site")
    names, nic = nic_names(count), nic_cabling(bandwidth_bytes_per_s, latency_s)
    add_nics(graph, ((name, {"node": e // nics_per_node, "site": e // per_site}) for e, name in enumerate(names)))
    for site, part in enumerate(parts):
        add_part(graph, part, names[site * per_site : (site + 1) * per_site], nic)
    join_parts(graph, parts, wan_links, _line(wan_bandwidth_bytes_per_s, wan_latency_s))
    return graph


def _line(bandwidth_bytes_per_s: float, latency_s: float) -> Cabling:
    latency = require_number("wan_latency_s", latency_s)
    return Cabling(
        bandwidth_bytes_per_s=require_number("wan_bandwidth_bytes_per_s", bandwidth_bytes_per_s),
        latency_s=latency,
        medium="wan",
        length_m=latency * FIBRE_M_PER_S,
    )
