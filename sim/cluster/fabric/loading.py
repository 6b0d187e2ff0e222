"""Messages between GPUs on the links that carry them: scale-up ports, NICs, cables.

Links are numbered in one row: cables (C,), NICs out (E,), NICs in (E,), scale-up ports out (N,), ports in (N,).
"""

from dataclasses import dataclass

import numpy as np

from sim.cluster.damage import damage
from sim.cluster.fabric.arrays import Fabric, FloatArray, IntArray, total
from sim.cluster.fabric.collectives import Flows
from sim.cluster.fabric.fairshare import max_min_rates
from sim.cluster.fabric.fluid import HASHED, fluid_loads, fluid_paths
from sim.cluster.fabric.placing import Placed, nics_of
from sim.cluster.fabric.ways import Ways, leaves_of, subflows_each
from sim.cluster.health import is_inside, port_factors, require_ports
from sim.cluster.records import Cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A phase's load, per byte of the collective's size and unit of share.

    network_s, scale_up_s: seconds of the busiest link of each. own_s: seconds that the busiest GPU's own messages
    would need alone. link_class: of the busiest network link. latency_s: cables and switches of the longest path.
    cable_s, nic_s: seconds of every cable (C,), and of every NIC out and in (2E,).
    """

    network_s: float
    scale_up_s: float
    own_s: float
    latency_s: float
    link_class: str
    cable_s: FloatArray
    nic_s: FloatArray


def capacities(cluster: Cluster, fabric: Fabric) -> FloatArray:
    """Return the bandwidth of every link, in bytes/s; scale-up ports at what they reach."""
    chip = cluster.accelerator
    port = np.full(cluster.gpus, chip.scale_up_bandwidth_bytes_per_s * chip.scale_up_efficiency)
    if cluster.health.faults:
        node = cluster.node
        in_domain = max(1, node.scale_up_domain // node.accelerators)
        kept = port_factors(cluster.health, cluster.nodes, in_domain, node.scale_up_switches)
        port *= np.repeat(kept, node.accelerators)
        if any(map(is_inside, cluster.health.faults)):
            port *= damage(cluster).ports
    nic = fabric.nic_capacity_bytes_per_s
    return np.concatenate([fabric.capacity_bytes_per_s, nic, nic, port, port])


def measure(flows: Flows, ways: Ways, cluster: Cluster) -> Load:
    """Return the load of messages that all progress together."""
    placed, fabric = ways.placed, ways.router.fabric
    cables, latency_s = _cable_loads(ways)
    endpoints, gpus = len(cluster.endpoints), cluster.gpus
    loads = np.concatenate(
        [
            cables,
            total(placed.nic_source, placed.nic_weight, endpoints),
            total(placed.nic_target, placed.nic_weight, endpoints),
            total(placed.port_source, placed.port_weight, gpus),
            total(placed.port_target, placed.port_weight, gpus),
        ]
    )
    capacity = capacities(cluster, fabric)
    require_ports(loads[-2 * gpus :], capacity[-2 * gpus :], cluster.node.accelerators)
    seconds = np.divide(loads, capacity, out=np.zeros_like(loads), where=loads > 0)
    cable_s, nic_s, port_s = np.split(seconds, [cables.size, cables.size + 2 * endpoints])
    # A cable must exceed the NICs by more than rounding to be what binds.
    binds = cable_s.max(initial=0.0) > nic_s.max(initial=0.0) * (1 + 1e-9)
    return Load(
        network_s=float(max(cable_s.max(initial=0.0), nic_s.max(initial=0.0))),
        scale_up_s=float(port_s.max()),
        own_s=_own_s(flows, placed, cluster, fabric),
        latency_s=latency_s,
        link_class=fabric.classes[fabric.link_class[cable_s.argmax()]] if binds else "nic",
        cable_s=cable_s,
        nic_s=nic_s,
    )


def group_seconds(flows: Flows, ways: Ways, load: Load, groups: int) -> FloatArray:
    """Return the seconds of the busiest network link of each group, shape (groups,), all groups progressing together.

    Where flows take one path each, groups differ by the links they meet; a split over many gives all of them the same.
    """
    placed, router, settings = ways.placed, ways.router, ways.settings
    fabric, group = router.fabric, flows.group[placed.nic_flow]
    endpoints = fabric.nic_capacity_bytes_per_s.size
    if settings.sharing == "ideal" or settings.routing in ("adaptive", "spray", "valiant"):
        return np.full(groups, load.network_s)
    slowest = np.zeros(groups)
    np.maximum.at(slowest, group, load.nic_s[placed.nic_source])
    np.maximum.at(slowest, group, load.nic_s[endpoints + placed.nic_target])
    if settings.routing not in HASHED:
        flow, cable, _ = fluid_paths(router, settings.routing, *leaves_of(placed, fabric))
        np.maximum.at(slowest, group[flow], load.cable_s[cable])
        return slowest
    for part, hops in ways:
        along = np.zeros(part.size)
        for subflow, cable in hops:
            along[subflow] = np.maximum(along[subflow], load.cable_s[cable])
        each = subflows_each(settings)
        np.maximum.at(slowest, group[part[::each]], along.reshape(-1, each).max(axis=1))
    return slowest


def _own_s(flows: Flows, placed: Placed, cluster: Cluster, fabric: Fabric) -> float:
    """Return the time of the busiest GPU's own messages alone: over its NICs, or its port if none leave."""
    if not placed.nic_flow.size:
        sent = total(flows.source, flows.weight, cluster.gpus)
        return float(sent.max()) / float(capacities(cluster, fabric)[-cluster.gpus :].max())
    sender = flows.source[placed.nic_flow]
    sent = total(sender, placed.nic_weight, cluster.gpus)
    nics = nics_of(np.arange(cluster.gpus), cluster.node)
    return float((sent / fabric.nic_capacity_bytes_per_s[nics].sum(axis=1).clip(min=1e-30)).max())


def _cable_loads(ways: Ways) -> tuple[FloatArray, float]:
    """Return the load of every cable, and the longest latency from NIC to NIC."""
    placed, router, settings = ways.placed, ways.router, ways.settings
    fabric = router.fabric
    source, target = leaves_of(placed, fabric)
    nic_latency_s = fabric.nic_latency_s[placed.nic_source] + fabric.nic_latency_s[placed.nic_target]
    if settings.sharing == "ideal" or settings.routing not in HASHED:
        one, other, pair = _pairs(source, target, len(fabric.switches))
        routing = "adaptive" if settings.sharing == "ideal" else settings.routing
        loads, path_s = fluid_loads(router, routing, one, other, total(pair, placed.nic_weight, one.size))
        longest = float((path_s[pair] + nic_latency_s).max(initial=0.0))
        return (np.zeros_like(loads) if settings.sharing == "ideal" else loads), longest
    loads, longest = np.zeros(fabric.source.size), 0.0
    for part, hops in ways:
        path_s = nic_latency_s[part]
        weight = placed.nic_weight[part] / subflows_each(settings)
        for flow, cable in hops:
            loads += total(cable, weight[flow], loads.size)
            path_s[flow] += fabric.latency_s[cable]
        longest = max(longest, float(path_s.max(initial=0.0)))
    return loads, longest


def _pairs(source: IntArray, target: IntArray, switches: int) -> tuple[IntArray, IntArray, IntArray]:
    """Return distinct leaf pairs, and which of them each message belongs to."""
    keys, pair = np.unique(source * switches + target, return_inverse=True)
    return keys // switches, keys % switches, pair


def group_rates(flows: Flows, ways: Ways, cluster: Cluster, groups: int) -> FloatArray:
    """Return each group's rate, shape (groups,): of its slowest sub-flow, when all are max-min fair.

    In bytes of the collective's size a second and unit of share. A group slower elsewhere than on a shared link
    leaves the rest of that link to others, which `measure` does not need to know. Valiant's flows all meet the busiest
    link, so that none is faster than another.
    """
    placed, router, settings = ways.placed, ways.router, ways.settings
    fabric, capacity = router.fabric, capacities(cluster, router.fabric)
    if settings.sharing == "max-min" and settings.routing == "valiant":
        load = measure(flows, ways, cluster)
        return np.full(groups, 1.0 / max(load.network_s, load.scale_up_s))
    part, entry, cable, fraction = _paths(ways)
    cables, endpoints = fabric.source.size, len(cluster.endpoints)
    subflow = np.arange(part.size)
    port = part.size + np.arange(placed.port_flow.size)
    weight = placed.nic_weight[part] / (subflows_each(settings) if settings.sharing == "max-min" else 1)
    rates = max_min_rates(
        flow=np.concatenate([entry, subflow, subflow, port, port]),
        link=np.concatenate(
            [
                cable,
                cables + placed.nic_source[part],
                cables + endpoints + placed.nic_target[part],
                cables + 2 * endpoints + placed.port_source,
                cables + 2 * endpoints + cluster.gpus + placed.port_target,
            ]
        ),
        coefficient=np.concatenate([fraction * weight[entry], weight, weight, placed.port_weight, placed.port_weight]),
        capacity=capacity,
        flows=part.size + port.size,
    )
    slowest = np.full(groups, np.inf)
    np.minimum.at(slowest, flows.group[np.concatenate([placed.nic_flow[part], placed.port_flow])], rates)
    return slowest


def _paths(ways: Ways) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Return the message of every sub-flow, and (sub-flow, cable, fraction) entries."""
    placed, router, settings = ways.placed, ways.router, ways.settings
    source, target = leaves_of(placed, router.fabric)
    none = np.empty(0, dtype=np.int64)
    if settings.sharing == "ideal":
        return np.arange(source.size), none, none, np.empty(0)
    if settings.routing not in HASHED:
        return np.arange(source.size), *fluid_paths(router, settings.routing, source, target)
    parts, entries, cables = [none], [none], [none]
    before = 0
    for part, hops in ways:
        for flow, cable in hops:
            entries.append(before + flow)
            cables.append(cable)
        parts.append(part)
        before += part.size
    entry = np.concatenate(entries)
    return np.concatenate(parts), entry, np.concatenate(cables), np.ones(entry.size)
