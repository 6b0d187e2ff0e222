"""Alibaba's HPN: two ports of each NIC on two leaves in two planes."""

from math import ceil

import networkx as nx

from topologies.arguments import require_count, require_endpoints
from topologies.folded import Plan, add_fabric, fewest_above
from topologies.wiring import Cabling, add_nics, nic_cabling, nic_names

PLANES = 2
SEGMENT_HOSTS = 128
BACKUP_HOSTS = 8
POD_SEGMENTS = 15
LEAF_UP = 60
SWITCH_PORTS = 128
"""Of 400 Gbit/s, of the second and third tier."""


def alibaba_hpn(
    *,
    endpoints: int | None = None,
    nics_per_node: int = 16,
    segments: int | None = None,
    backup_hosts: int = 0,
    bandwidth_bytes_per_s: float = 25e9,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return Alibaba's HPN with dual ToR and dual plane (Qian et al., SIGCOMM 2024).

    An endpoint is a port of 200 Gbit/s: NIC r of a host has ports 2r and 2r + 1, on the leaf of rail r in plane 0 and
    in plane 1, so that either leaf may be lost. A segment is 128 hosts under 16 leaves (8 rails, 2 planes) with 60
    uplinks of twice a port's bandwidth, 1.067:1, one to each of the 60 spines of its plane. A pod is 15 segments;
    its spines have 120 cables down and 8 up, 15:1, to the cores of further pods (a pod alone has none; how cores are
    shared is assumed, as in `clos`). Planes meet in the hosts only.

    endpoints: ports, default those of all active hosts. segments: default the fewest that hold the endpoints, or 1.
    backup_hosts: of each segment, published as 8 (the leaves keep their ports), wired after all active ones.
    nics_per_node: ports of a host, two a rail. bandwidth_bytes_per_s: one direction of a port.
    latency_s: of every cable with the switch it enters, one way.
    Raises ValueError for an odd number of ports a host, and for more endpoints than the segments hold.

    Published for a segment: 1,024 GPUs on 16 leaves; for a pod 15,360 GPUs and 60 spines a plane.

    >>> graph = alibaba_hpn(segments=1)
    >>> sum(kind == "nic" for _, kind in graph.nodes(data="kind")) // 2, len(graph) - 2048
    (1024, 136)
    >>> next(iter(graph["nic-000002"])), next(iter(graph["nic-000003"]))
    ('plane-0-leaf-0-1', 'plane-1-leaf-0-1')
    """
    plan = alibaba_hpn_plan(
        endpoints=endpoints, nics_per_node=nics_per_node, segments=segments, backup_hosts=backup_hosts
    )
    rails = nics_per_node // PLANES
    cable = nic_cabling(bandwidth_bytes_per_s, latency_s)
    up = Cabling(bandwidth_bytes_per_s=2 * bandwidth_bytes_per_s, latency_s=latency_s, medium="optic", length_m=30.0)
    graph: nx.Graph[str] = nx.Graph(
        family="alibaba-hpn", technology="ethernet", gpus_per_node=rails, nics_per_node=nics_per_node
    )
    names = nic_names(PLANES * plan.endpoints)
    segment_of = _segments(len(names) // nics_per_node, plan.leaves // rails, backup_hosts)
    leaf_of = [segment_of[e // nics_per_node] * rails + e % nics_per_node // PLANES for e in range(len(names))]
    add_nics(
        graph,
        (
            (
                name,
                {
                    "pod": leaf // plan.leaves_per_pod,
                    "node": e // nics_per_node,
                    "rail": leaf % rails,
                    "plane": e % PLANES,
                    "segment": leaf // rails,
                },
            )
            for e, (name, leaf) in enumerate(zip(names, leaf_of, strict=True))
        ),
    )
    for plane in range(PLANES):
        prefix = f"plane-{plane}-"
        add_fabric(
            graph,
            plan,
            nics=names[plane::PLANES],
            leaf_of=leaf_of[plane::PLANES],
            leaf_names=[f"{prefix}leaf-{leaf // rails}-{leaf % rails}" for leaf in range(plan.leaves)],
            nic=cable,
            up=up,
            prefix=prefix,
            marks={"plane": plane},
        )
    return graph


def alibaba_hpn_plan(
    *,
    endpoints: int | None = None,
    nics_per_node: int = 16,
    segments: int | None = None,
    backup_hosts: int = 0,
) -> Plan:
    """Return the dimensions of one of the two planes, without building them.

    >>> plan = alibaba_hpn_plan(segments=15)
    >>> plan.endpoints, plan.leaves, plan.spines, plan.leaf_down, plan.leaf_up
    (15360, 120, 60, 136, 60)
    """
    if require_count("nics_per_node", nics_per_node) % PLANES:
        raise ValueError(f"nics_per_node: got {nics_per_node}, expected an even number: a NIC has two ports")
    if require_count("backup_hosts", backup_hosts, 0) > BACKUP_HOSTS:
        raise ValueError(f"backup_hosts: got {backup_hosts}, expected at most {BACKUP_HOSTS}: a leaf has no more ports")
    rails = nics_per_node // PLANES
    hosts = SEGMENT_HOSTS + backup_hosts
    if segments is None:
        asked = 1 if endpoints is None else require_count("endpoints", endpoints)
        segments = ceil(asked / (hosts * nics_per_node))
    capacity = require_count("segments", segments) * hosts * nics_per_node
    fabric = f"HPN of {segments} segment{'s' if segments > 1 else ''} with {hosts} hosts"
    count = require_endpoints(endpoints, nics_per_node, capacity, fabric)
    pods = ceil(segments / POD_SEGMENTS)
    cores = fewest_above(pods, rails, SWITCH_PORTS)
    if cores == 0:
        raise ValueError(f"segments: got {segments:,}, but a core joins at most {SWITCH_PORTS} pods of {POD_SEGMENTS}")
    return Plan(
        endpoints=count // PLANES,
        leaves=segments * rails,
        leaves_per_pod=POD_SEGMENTS * rails,
        leaf_down=SEGMENT_HOSTS + BACKUP_HOSTS,
        leaf_up=LEAF_UP,
        spines=LEAF_UP,
        spine_up=rails if pods > 1 else 0,
        cores=cores if pods > 1 else 0,
    )


def _segments(hosts: int, segments: int, backup_hosts: int) -> list[int]:
    """Return the segment of every host: the active ones of all segments first, then the backup ones."""
    active = [host // SEGMENT_HOSTS for host in range(min(hosts, segments * SEGMENT_HOSTS))]
    return active + [host // backup_hosts for host in range(hosts - len(active))]
