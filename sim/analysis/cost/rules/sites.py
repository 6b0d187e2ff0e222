"""Published clusters and sites: power at each level, the price of a network, of servers and of a whole site."""

import re
from collections.abc import Iterator
from dataclasses import replace
from math import ceil

from sim import catalog
from sim.analysis.cost.machines import BOOK, Power, book_price, capex, gpus_of_site, network, node_of, power
from sim.analysis.cost.records import Records
from sim.analysis.cost.rows import Entry, Found, predicted, skipped
from sim.analysis.cost.rules.reasons import reason_of
from sim.catalog.records import Node

HOURS_PER_YEAR = 8766.0

LEVELS = {
    "chips": "chips_w",
    "nodes": "nodes_w",
    "IT": "it_w",
    "at the meter": "facility_w",
    "nameplate": "nameplate_w",
}


def _h100() -> Node:
    return catalog.node("dgx-h100")


def count_of(text: str) -> int | None:
    """Return the GPUs that a text begins with.

    >>> [count_of(text) for text in ("50,000 GPU cluster", "100k H100 cluster", "512 H100 cluster: x", "DGX")]
    [50000, 100000, 512, None]
    """
    found = re.match(r"([\d,]+)(k?)[ -](?:GPU|[ABH]\d00)", text)
    return int(found[1].replace(",", "")) * (1000 if found[2] else 1) if found else None


def power_rows(entry: Entry, _: Records) -> Iterator[Found]:
    """Yield the power of a cluster at each level, of a scalable unit, or a ratio of powers."""
    gpus, units = count_of(entry["name"]), re.match(r"(\d+) x DGX (\w+)", entry["name"])
    node = node_of(entry["name"]) or _h100()
    if entry["unit"] == "MW" and gpus:
        yield from _cluster_rows(entry, gpus, node)
    elif units and node_of(entry["name"]):
        drawn_kw = int(units[1]) * node.nameplate_w / 1000
        given = {"nodes": int(units[1]), "node": node.name, "nameplate_w": node.nameplate_w}
        yield predicted(entry, drawn_kw, given, section="arithmetic", note="nodes alone, at their nameplate")
    elif entry["name"].startswith("server power / chip TDP"):
        yield _server_ratio(entry)
    elif entry["name"].startswith("Overhead multiplier"):
        drawn = power(_h100(), 1024, 1.0)
        note = "nodes and network of 1,024 H100 over their chips, at work"
        yield predicted(entry, drawn.it_w / drawn.chips_w, {"node": "dgx-h100", "gpus": 1024}, note=note)
    else:
        yield skipped(entry, reason_of(entry))


def _cluster_rows(entry: Entry, gpus: int, node: Node) -> Iterator[Found]:
    pue = book_price("energy/pue")
    drawn = power(node, gpus, pue)
    given = {"gpus": gpus, "node": node.name, "network": network(node.name, ceil(gpus / 8)).topology, "pue": pue}
    for level, field in LEVELS.items():
        amount = getattr(drawn, field) / 1e6
        # One level answers the claim, what a site must provide; the others show which one it would fit.
        claimed = "at the meter" if entry.get("value") is None else "nameplate"
        note = "" if level == claimed else "another level, to compare"
        yield predicted(entry, amount, given, level, scored=level == claimed, note=note)
    yield from _annual_rows(entry, drawn, given, pue)


def _annual_rows(entry: Entry, drawn: Power, given: dict[str, object], pue: float) -> Iterator[Found]:
    """Yield the energy of a year, where the source tells it: at nameplate and PUE, as such estimates are made."""
    if stated := re.search(r"([\d.]+) TWh", entry["source"]):
        twh = drawn.nameplate_w * pue * HOURS_PER_YEAR / 1e12
        row = predicted(entry, twh, given, "a year", unit="TWh", note="at nameplate all year")
        yield replace(row, measured=float(stated[1]))


def _server_ratio(entry: Entry) -> Found:
    node = node_of(entry["name"])
    if node is None:
        return skipped(entry, reason_of(entry))
    chip = catalog.accelerator(node.accelerator)
    ratio = node.nameplate_w / node.accelerators / chip.tdp_w
    given = {"nameplate_w": node.nameplate_w, "tdp_w": chip.tdp_w}
    return predicted(entry, ratio, given, section="arithmetic", note="of the same data sheets")


def capex_rows(entry: Entry, _: Records) -> Iterator[Found]:
    """Yield the price of a network, of servers, of a site, or a share of it, by our bills of materials and prices."""
    gpus, name, unit = count_of(entry["name"]), entry["name"], entry["unit"]
    if gpus and "switches+cables per GPU" in name:
        yield from _network_rows(entry, gpus)
    elif gpus and "interconnect" in name:
        yield from _small_network_rows(entry, gpus)
    elif gpus and "server capex" in name:
        yield _servers_row(entry, gpus)
    elif name.startswith("1 GW") or "per GW" in name:
        yield _site_row(entry)
    elif found := re.match(r"([\d,]+)-node", name):
        yield _campus_row(entry, int(found[1].replace(",", "")))
    elif name.startswith("Bernstein GW capex share"):
        yield _site_share_row(entry)
    elif unit == "fraction" and re.search(r"[Nn]etworking share|interconnect fraction", name):
        yield _network_share_row(entry)
    else:
        yield skipped(entry, reason_of(entry))


def _network_rows(entry: Entry, gpus: int) -> Iterator[Found]:
    """Yield a network of rails a GPU: one tier to 512 GPUs, two to 2,048, three beyond, with optics to the nodes."""
    nodes = ceil(gpus / 8)
    topology = "rail-only" if gpus <= 512 else "rail-optimized"
    wires = network("dgx-h100", nodes, topology)
    given = {"nodes": nodes, "topology": wires.topology, "book": BOOK}
    note = "prices are the sheet's, counts the topology's"
    if 2048 < gpus <= 16_384:
        note += "; the sheet counts two tiers, whose 64 ports end at 2,048 GPUs"
    yield predicted(entry, wires.capex_usd / (8 * nodes), given, section="arithmetic", note=note)


def _small_network_rows(entry: Entry, gpus: int) -> Iterator[Found]:
    """Yield the whole network by topology; which one is bought decides."""
    nodes = ceil(gpus / 8)
    for topology in ("leaf-spine", "rail-only", "rail-optimized"):
        wires = network("dgx-h100", nodes, topology)
        counts = {line.name: line.count for line in wires.bill}
        note = "switches and cables, no NICs: those come with a node"
        claimed = topology == "leaf-spine"
        note = note if claimed else "another topology, to compare"
        yield predicted(entry, wires.capex_usd, {"nodes": nodes, **counts}, topology, scored=claimed, note=note)


def _servers_row(entry: Entry, gpus: int) -> Found:
    nodes, price = ceil(gpus / 8), book_price("server/dgx-h100")
    row = predicted(entry, nodes * price, {"nodes": nodes, "usd_per_node": price}, scored=False)
    bound = entry.get("note") == '"exceeds"'
    return replace(row, low=row.measured if bound else None, note="at the price of 2026; the source is of 2024")


def _site(node: Node) -> tuple[float, dict[str, float], dict[str, object]]:
    """Return the GPUs of 1 GW at the meter, what it costs by item, and what it was given."""
    pue = book_price("energy/pue")
    gpus = gpus_of_site(node, 1e9, pue)
    given = {"node": node.name, "pue": pue, "gpus": round(gpus), "book": BOOK}
    return gpus, capex(node, round(gpus / node.accelerators)), given


def _site_row(entry: Entry) -> Found:
    _, items, given = _site(catalog.node("gb200-nvl72"))
    note = "1 GW at the meter; storage, land and power plants are in none of it"
    return predicted(entry, sum(items.values()), given, terms=items, note=note)


_SITE_SHARES = {"networking": "network", "mechanical+electrical": "facility"}


def _site_share_row(entry: Entry) -> Found:
    item = _SITE_SHARES.get(entry["name"].rpartition(": ")[2])
    if item is None:
        return skipped(entry, reason_of(entry))
    _, items, given = _site(catalog.node("gb200-nvl72"))
    return predicted(entry, items[item] / sum(items.values()), given, terms=items)


def _campus_row(entry: Entry, nodes: int) -> Found:
    items = capex(_h100(), nodes)
    note = "servers, network and facility; the source has storage in it"
    return predicted(entry, sum(items.values()), {"nodes": nodes, "node": "dgx-h100"}, terms=items, note=note)


def _network_share_row(entry: Entry) -> Found:
    """Return the network's share of servers and network, the mean over sizes of a cluster of H100s."""
    shares = {}
    for nodes in (16, 128, 1024, 3072):
        items = capex(_h100(), nodes)
        shares[8 * nodes] = items["network"] / (items["network"] + items["server"])
    note = f"from {min(shares.values()):.3f} to {max(shares.values()):.3f} over 128 to 24,576 GPUs; no NICs in it"
    mean = sum(shares.values()) / len(shares)
    return predicted(entry, mean, {f"{gpus} GPUs": share for gpus, share in shares.items()}, note=note)
