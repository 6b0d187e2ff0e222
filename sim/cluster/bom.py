"""The bill of materials: which catalog switches, cables and servers a wired cluster takes."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import ceil
from operator import itemgetter
from typing import TYPE_CHECKING

from sim.catalog.records import Cable, Node, PriceBook, Switch
from sim.cluster.contract import link_counts
from sim.cluster.records import BomLine
from sim.cluster.skeleton import ON_CHIP
from sim.errors import PriceError, TopologyError, unknown_name

if TYPE_CHECKING:
    import networkx as nx

Need = tuple[int, float]

Ports = frozenset[tuple[tuple[float, int], int]]
"""Of a switch: how many of its links have each bandwidth of a cable and number of cables."""

NOT_BOUGHT = (ON_CHIP, "wan")
"""Media that the bill of materials leaves out."""

_PORTS = itemgetter("bandwidth_bytes_per_s", "count")


@dataclass(frozen=True, slots=True, kw_only=True)
class PortUse:
    """Ports of all switches of one catalog entry: used by cables, and left free."""

    name: str
    used: int
    left: int


def bill_of_materials(
    graph: "nx.Graph[str]",
    *,
    technology: str,
    switches: Iterable[Switch],
    cables: Iterable[Cable],
    node: Node | None = None,
    nodes: int = 0,
) -> tuple[BomLine, ...]:
    """Return what a fabric, and with `node` its servers, is made of, in catalog names.

    A switch is the smallest (by ports x port bandwidth) of that technology whose ports number and carry every cable
    at it; a port takes one cable, or as many slower ones as the fastest at that switch has the bandwidth of. A cable is
    the smallest (by bandwidth, then reach) of its medium that carries the link over its length. power_w is one unit's
    nameplate, a cable's both ends included. A router that is part of a chip is no switch, and what joins the two no
    cable; lines over a WAN belong to others.
    Raises TopologyError where the catalog has nothing large, fast or long enough.
    """
    lines = _switch_lines(_switch_needs(graph), technology, tuple(switches))
    lines += _cable_lines(graph, tuple(cables))
    if node is not None:
        lines.append(BomLine(item="server", name=node.name, count=nodes, power_w=node.nameplate_w))
    return tuple(lines)


def combined(lines: Iterable[BomLine]) -> tuple[BomLine, ...]:
    """Return one line for each item and name, in the order in which they first come: of several networks, one bill.

    >>> line = BomLine(item="switch", name="s", count=2, power_w=1500.0)
    >>> [(each.name, each.count) for each in combined([line, line])]
    [('s', 4)]
    """
    added: dict[tuple[str, str], BomLine] = {}
    for line in lines:
        before = added.get((line.item, line.name))
        added[line.item, line.name] = line if before is None else replace(line, count=line.count + before.count)
    return tuple(added.values())


def port_use(graph: "nx.Graph[str]", *, technology: str, switches: Iterable[Switch]) -> tuple[PortUse, ...]:
    """Return ports used and left of the switches that the bill of materials chooses, by catalog entry."""
    used: Counter[str] = Counter()
    total: Counter[str] = Counter()
    entries = tuple(switches)
    for need, count in _switch_needs(graph).items():
        switch = _smallest_switch(need, technology, entries)
        used[switch.name] += need[0] * count
        total[switch.name] += switch.ports * count
    return tuple(PortUse(name=name, used=used[name], left=total[name] - used[name]) for name in sorted(used))


def power_w(bom: Iterable[BomLine]) -> float:
    """Return the nameplate power of a bill of materials.

    >>> power_w([BomLine(item="switch", name="s", count=2, power_w=1500.0)])
    3000.0
    """
    return sum((line.count * line.power_w for line in bom), 0.0)


def capex_usd(bom: Iterable[BomLine], prices: PriceBook) -> Decimal:
    """Return the purchase price of a bill of materials: count x price of "switch/<name>", "cable/<name>" and so on.

    Raises PriceError for a line without a price, with the nearest key of its item, and for a currency other than USD.
    """
    if prices.currency != "USD":
        raise PriceError(f"price book '{prices.name}': currency is {prices.currency}, expected USD")
    return sum((line.count * _price(line, prices) for line in bom), Decimal(0))


def _price(line: BomLine, prices: PriceBook) -> Decimal:
    key = f"{line.item}/{line.name}"
    if key not in prices.prices:
        known = [name for name in prices.prices if name.startswith(f"{line.item}/")]
        raise PriceError(str(unknown_name("price", key, known, f"price book '{prices.name}'")))
    return Decimal(str(prices.prices[key].value))


def _switch_lines(needs: Counter[Need], technology: str, entries: Sequence[Switch]) -> list[BomLine]:
    counts: Counter[str] = Counter()
    power: dict[str, float] = {}
    for need, count in needs.items():
        switch = _smallest_switch(need, technology, entries)
        counts[switch.name] += count
        power[switch.name] = switch.power_w
    return [BomLine(item="switch", name=name, count=counts[name], power_w=power[name]) for name in sorted(counts)]


def _cable_lines(graph: "nx.Graph[str]", entries: Sequence[Cable]) -> list[BomLine]:
    runs: Counter[tuple[str, float, float]] = Counter()
    for (*run, count), alike in link_counts(graph, "medium", "length_m", "bandwidth_bytes_per_s", "count").items():
        if run[0] not in NOT_BOUGHT:
            runs[tuple(run)] += count * alike
    counts: Counter[str] = Counter()
    power: dict[str, float] = {}
    for (medium, length_m, bandwidth), count in runs.items():
        cable = _smallest_cable(medium, length_m, bandwidth, entries)
        counts[cable.name] += count
        power[cable.name] = cable.power_w
    return [BomLine(item="cable", name=name, count=counts[name], power_w=power[name]) for name in sorted(counts)]


def _switch_needs(graph: "nx.Graph[str]") -> Counter[Need]:
    """Return how many switches have to offer (ports, bandwidth of the fastest cable)."""
    alike: Counter[Ports] = Counter()
    neighbours = dict(graph.adjacency())
    for vertex, attributes in graph.nodes(data=True):
        own = neighbours[vertex]
        if attributes["kind"] == "switch" and own and not attributes.get("router"):
            alike[frozenset(Counter(map(_PORTS, own.values())).items())] += 1
    needs: Counter[Need] = Counter()
    for ports, switches in alike.items():
        needs[_need(ports)] += switches
    return needs


def _need(ports: Ports) -> Need:
    """Return the ports of the fastest cable's bandwidth that all cables take, and that bandwidth.

    >>> _need(frozenset({((25e9, 1), 3), ((50e9, 2), 4)}))
    (10, 50000000000.0)
    """
    cables: Counter[float] = Counter()
    for (bandwidth, count), links in ports:
        cables[bandwidth] += count * links
    fastest = max(cables)
    return sum(ceil(count / int(fastest / bandwidth)) for bandwidth, count in cables.items()), fastest


def _smallest_switch(need: Need, technology: str, entries: Sequence[Switch]) -> Switch:
    ports, bandwidth = need
    technologies = {switch.technology for switch in entries}
    if technology not in technologies:
        raise unknown_name("switch technology", technology, technologies)
    fitting = [
        switch
        for switch in entries
        if switch.technology == technology and switch.ports >= ports and switch.port_bandwidth_bytes_per_s >= bandwidth
    ]
    if not fitting:
        offers = (s for s in entries if s.technology == technology)
        raise TopologyError(
            f"bill of materials: no {technology} switch of the catalog has {ports} ports of {_gbit(bandwidth)}; it has "
            + _listed(f"{s.ports} x {_gbit(s.port_bandwidth_bytes_per_s)}" for s in offers)
        )
    return min(fitting, key=lambda s: (s.ports * s.port_bandwidth_bytes_per_s, s.ports, s.name))


def _smallest_cable(medium: str, length_m: float, bandwidth: float, entries: Sequence[Cable]) -> Cable:
    fitting = [
        cable
        for cable in entries
        if cable.medium == medium and cable.reach_m >= length_m and cable.bandwidth_bytes_per_s >= bandwidth
    ]
    if not fitting:
        offers = (c for c in entries if c.medium == medium)
        raise TopologyError(
            f"bill of materials: no {medium} cable of the catalog carries {_gbit(bandwidth)} over {length_m:g} m; "
            f"it has {_listed(f'{_gbit(c.bandwidth_bytes_per_s)} over {c.reach_m:g} m' for c in offers)}"
        )
    return min(fitting, key=lambda c: (c.bandwidth_bytes_per_s, c.reach_m, c.name))


def _gbit(bandwidth_bytes_per_s: float) -> str:
    return f"{bandwidth_bytes_per_s * 8 / 1e9:g} Gbit/s"


def _listed(offers: Iterable[str]) -> str:
    return ", ".join(sorted(set(offers))) or "none"
