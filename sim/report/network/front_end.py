"""What `topology` says of a front end: what it is made of, what the store gets over it, and what binds."""

from typing import Any

from sim import catalog
from sim.catalog.records import PriceBook
from sim.cluster.bom import capex_usd, power_w
from sim.cluster.describe import describe, oversubscription
from sim.cluster.front_end import FrontEnd, front_end_materials, store_access
from sim.cluster.skeleton import skeleton
from sim.quantities import show, show_count
from sim.report.text import Result, pairs, short_usd, wrapped
from sim.scenario import Scenario

WORDS = {"nic": "the nodes' NICs", "storage": "its ports", "store": "the store itself"}
"""What binds, where the name of the key alone could be either end."""


def front_end_json(front_end: FrontEnd, scenario: Scenario, prices: PriceBook) -> dict[str, Any]:
    """Return what a front end joins, is made of and carries; write and read: of all nodes of the job together.

    bound_by: "store" where the store itself is slower than the way there, "host-to-device" where the GPUs' links to
    their hosts are, and else what binds the front end ("nic", "storage" for the store's ports, or a link class).
    """
    graph, ports, machines = front_end.graph, front_end.ports, scenario.machines
    assert machines.storage is not None, "a front end leads to a store"
    facts, bill = describe(graph), front_end_materials(front_end, catalog.switches(), catalog.cables())
    access = store_access(front_end, machines.nodes)
    ways = {
        access.bottleneck: access.bytes_per_s,
        "host-to-device": machines.gpus * machines.node.host_to_device_bandwidth_bytes_per_s,
    }
    return {
        "family": facts["family"],
        "switches": facts["switches"],
        "switches_by_tier": facts["switches_by_tier"],
        "links_total": facts["links_total"],
        "links_switch_switch": facts["links_switch_switch"],
        "oversubscription": oversubscription(skeleton(graph, (*front_end.nics, *front_end.storage))),
        "technology": front_end.technology,
        "nodes": len(front_end.nics) // ports.nics,
        "nics": ports.nics,
        "nic_bandwidth_bytes_per_s": ports.nic_bandwidth_bytes_per_s,
        "storage_ports": ports.storage_ports,
        "storage_port_bandwidth_bytes_per_s": ports.storage_port_bandwidth_bytes_per_s,
        "storage_placement": ports.storage_placement,
        "bytes_per_s": access.bytes_per_s,
        "bottleneck": access.bottleneck,
        "store": machines.storage.name,
        "write": _bound({"store": machines.storage.write_bandwidth_bytes_per_s, **ways}),
        "read": _bound({"store": machines.storage.read_bandwidth_bytes_per_s, **ways}),
        "capex_usd": float(capex_usd(bill, prices)),
        "power_w": power_w(bill),
        "bom": [{"item": line.item, "name": line.name, "count": line.count, "power_w": line.power_w} for line in bill],
    }


def _bound(ways: dict[str, float]) -> dict[str, Any]:
    """Return the least of what a store and the way to it carry, and which of them that is."""
    name = min(ways, key=lambda each: ways[each])
    return {"bytes_per_s": ways[name], "bound_by": name, "store_bytes_per_s": ways["store"]}


def front_end_lines(asked: Result) -> list[str]:
    """Return the lines of a front end, from its JSON."""
    nic, port = (show(asked[f"{name}_bandwidth_bytes_per_s"], "bandwidth") for name in ("nic", "storage_port"))
    tiers = " + ".join(f"{show_count(count)} {tier}" for tier, count in asked["switches_by_tier"].items())
    switches = show_count(asked["switches"])
    return [
        f"Front end to {asked['store']}: {asked['family']} of {asked['technology']} switches",
        *wrapped(
            f"{show_count(asked['nodes'])} nodes x {asked['nics']} x {nic}, {show_count(asked['storage_ports'])} ports "
            f"of the store x {port} ({asked['storage_placement']})"
        ),
        *pairs(
            [
                ("Links", show_count(asked["links_total"])),
                ("Switch links", show_count(asked["links_switch_switch"])),
                ("Oversubscription", " ".join(f"1:{ratio:.3g}" for ratio in asked["oversubscription"])),
                ("Power", show(asked["power_w"], "power")),
                ("Capex", short_usd(asked["capex_usd"])),
                ("Switches", f"{switches} = {tiers}" if tiers else "none: chips are their own routers"),
            ]
        ),
        _way("Store gets", asked["write"]),
        _way("Store gives", asked["read"]),
    ]


def _way(name: str, way: Result) -> str:
    got, own = (show(way[each], "bandwidth", unit="GB/s") for each in ("bytes_per_s", "store_bytes_per_s"))
    return f"{name:<17}{got} of its {own}, bound by {WORDS.get(way['bound_by'], way['bound_by'])}"
