"""Clusters behind published numbers: their network's bill, power at four levels, and price, by the catalog's parts."""

from dataclasses import dataclass
from functools import cache
from math import ceil

from sim import catalog
from sim.catalog.records import Node, PriceBook
from sim.cluster.bom import bill_of_materials, capex_usd, power_w
from sim.cluster.build import build_cluster
from sim.cluster.records import BomLine
from sim.ledger.power.energy import gpu_power_w

BOOK = "2026-owned"
"""The price book that owned clusters are priced by."""

NODES = {"GB200": "gb200-nvl72", "B200": "dgx-b200", "H800": "hgx-h800", "H100": "dgx-h100", "A100": "dgx-a100"}
"""The node behind an accelerator's name in a published text, the longer names first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A scale-out network of so many nodes: its topology, switches and cables, price and power."""

    topology: str
    bill: tuple[BomLine, ...]
    capex_usd: float
    power_w: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """Power of a cluster in W, from chips to the meter; nameplate_w: of nodes and network together."""

    chips_w: float
    nodes_w: float
    it_w: float
    facility_w: float
    nameplate_w: float


def node_of(text: str) -> Node | None:
    """Return the catalog's node behind a published text, None for an accelerator that it lacks.

    >>> node_of("Llama 3.1 405B H100-80GB 700W").name
    'dgx-h100'
    """
    return next((catalog.node(name) for chip, name in NODES.items() if chip in text), None)


def book_price(key: str) -> float:
    """Return a price of the book.

    >>> book_price("energy/pue")
    1.15
    """
    return catalog.price_book(BOOK).prices[key].value


def ports_of(node: Node) -> int:
    """Return the ports of the largest switch at the speed of a node's NICs, 64 where the catalog has none.

    >>> ports_of(catalog.node("dgx-h100"))
    64
    """
    alike = [
        switch.ports
        for switch in catalog.switches()
        if switch.technology == node.network_technology
        and switch.port_bandwidth_bytes_per_s == node.nic_bandwidth_bytes_per_s
    ]
    return max(alike, default=64)


@cache
def network(node_name: str, nodes: int, topology: str = "") -> Network:
    """Return the non-blocking network of a cluster, by default of as few tiers as its switches allow.

    Two tiers take radix^2 / 2 endpoints, three radix^3 / 4; beyond, whole pods of three tiers are scaled up.
    """
    node = catalog.node(node_name)
    radix = ports_of(node)
    if nodes > radix**3 // 4 // node.nics:
        some = whole_pods(node)
        pods = network(node_name, some, topology)
        return Network(
            topology=f"{pods.topology}, scaled up",
            bill=pods.bill,
            capex_usd=pods.capex_usd * nodes / some,
            power_w=pods.power_w * nodes / some,
        )
    kind = topology or ("leaf-spine" if nodes * node.nics <= radix**2 // 2 else "clos")
    return _built(kind, node, nodes, radix)


def whole_pods(node: Node) -> int:
    """Return the nodes of a quarter of the largest tree of three tiers: whole pods, as full as the tree is.

    >>> whole_pods(catalog.node("dgx-h100"))
    2048
    """
    return ports_of(node) ** 3 // 16 // node.nics


def _built(kind: str, node: Node, nodes: int, radix: int) -> Network:
    cluster = build_cluster(kind, {"radix": radix}, node, catalog.accelerator(node.accelerator), nodes)
    bill = bill_of_materials(
        cluster.graph, technology=node.network_technology, switches=catalog.switches(), cables=catalog.cables()
    )
    return Network(topology=kind, bill=bill, capex_usd=float(capex_usd(bill, _book())), power_w=power_w(bill))


def _book() -> PriceBook:
    return catalog.price_book(BOOK)


def power(node: Node, gpus: float, pue: float) -> Power:
    """Return the power of GPUs that train: chips and nodes at their busy level, network at its nameplate, x PUE.

    gpus: any number; the network is that of whole nodes.
    """
    chip = catalog.accelerator(node.accelerator)
    wires_w = network(node.name, ceil(gpus / node.accelerators)).power_w
    nodes_w = gpus * gpu_power_w(chip, node)["busy"]
    return Power(
        chips_w=gpus * chip.busy_w,
        nodes_w=nodes_w,
        it_w=nodes_w + wires_w,
        facility_w=pue * (nodes_w + wires_w),
        nameplate_w=gpus / node.accelerators * node.nameplate_w + wires_w,
    )


def capex(node: Node, nodes: int) -> dict[str, float]:
    """Return what a site costs in USD by item: servers, network, and the facility that its nameplate is built for."""
    wires = network(node.name, nodes)
    return {
        "server": nodes * book_price(f"server/{node.name}"),
        "network": wires.capex_usd,
        "facility": (nodes * node.nameplate_w + wires.power_w) * book_price("facility/watt"),
    }


def gpus_of_site(node: Node, site_w: float, pue: float) -> float:
    """Return how many GPUs a site feeds: power / (PUE x nameplate of a GPU with its share of node and network)."""
    some = whole_pods(node)
    each_w = node.nameplate_w + network(node.name, some).power_w / some
    return site_w / (pue * each_w) * node.accelerators
