"""Network files of ASTRA-sim: of its analytical backend (YAML, a building block a dimension) and of ns-3 (text)."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Any

import networkx as nx

from topologies.grid import ON_CHIP_M, Place, require_shape, router_name
from topologies.hosts import add_terminals
from topologies.hyperx import mesh_links
from topologies.torus import ring_links
from topologies.wiring import Cabling, add_cables, add_nics, nic_names

GIB = 2.0**30
"""Its GB/s of the analytical backend."""

BLOCKS = ("FullyConnected", "Ring", "Switch")
KEYS = ("topology", "npus_count", "bandwidth", "latency")

_RATES = {"Gbps": 1e9 / 8, "Mbps": 1e6 / 8, "Tbps": 1e12 / 8, "bps": 1 / 8}
_TIMES = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def read_analytical(text: str) -> "nx.Graph[str]":
    """Return the graph of an analytical network: Ring, FullyConnected or Switch in each dimension.

    An NPU is a chip with its own router, as in `torus`; the first dimension runs fastest. A Switch is one vertex for
    every line of NPUs. Bandwidth is in GiB/s, one direction of a link; latency in ns.

    >>> text = "topology: [ Ring ]\\nnpus_count: [ 4 ]\\nbandwidth: [ 50.0 ]  # GB/s\\nlatency: [ 500.0 ]"
    >>> read_analytical(text).number_of_edges()
    8
    """
    blocks, counts, bandwidths, latencies = _analytical(text)
    shape = require_shape([_whole("npus_count", each) for each in counts])
    every = [tuple(reversed(at)) for at in product(*map(range, reversed(shape)))]
    degree = {"Ring": 2, "Switch": 1}
    links = [
        float(bandwidth) * GIB * min(degree.get(block, size), size - 1)
        for block, bandwidth, size in zip(blocks, bandwidths, shape, strict=True)
    ]
    graph: nx.Graph[str] = nx.Graph(family="imported")
    if set(blocks) in ({"Ring"}, {"FullyConnected"}):
        graph.graph["shape"] = shape
    if set(blocks) == {"Ring"}:
        graph.graph["wrap"] = (True,) * len(shape)
    add_terminals(
        graph,
        [router_name(at) for at in every],
        endpoints=prod(shape),
        per_switch=1,
        nics_per_node=1,
        nic=_on_chip(sum(links)),
        marks=({"router": True, "at": at} for at in every),
    )
    for dimension, block in enumerate(blocks):
        cable = _cable(float(bandwidths[dimension]) * GIB, float(latencies[dimension]) / 1e9)
        add_cables(graph, _block(graph, block, shape, dimension), 1, cable)
    return graph


def write_analytical(graph: "nx.Graph[str]") -> str:
    """Return a torus as rings, or a HyperX as full meshes. Raises ValueError for any other graph."""
    shape, wrap = graph.graph.get("shape"), graph.graph.get("wrap")
    links = {
        (link["bandwidth_bytes_per_s"], link["latency_s"])
        for _, _, link in graph.edges(data=True)
        if link["medium"] != "on-chip"
    }
    routers = all(own.get("router") for _, own in graph.nodes(data=True) if own["kind"] == "switch")
    if not shape or not routers or len(links) != 1 or (wrap is not None and not all(wrap)):
        raise ValueError(
            "export: got a graph that is no closed torus or HyperX of chips with links alike, which is what the "
            "analytical backend of ASTRA-sim reads; expected '.txt' for its ns-3 backend"
        )
    ((bandwidth, latency),) = links
    values = (
        ["FullyConnected" if wrap is None else "Ring"] * len(shape),
        reversed(shape),
        [repr(bandwidth / GIB)] * len(shape),
        [f"{latency * 1e9:.12g}"] * len(shape),
    )
    return "".join(f"{key}: [ {', '.join(map(str, each))} ]\n" for key, each in zip(KEYS, values, strict=True))


def read_packet(text: str) -> "nx.Graph[str]":
    """Return the graph of an ns-3 topology: vertices, switches and links in the first line, switches in the second.

    Then a link a line: both ends, rate, latency, error rate (which is not used). The same two ends again are a parallel
    cable. A host with one cable is an endpoint; one with more is a chip with its own router. Tiers count the
    links to the nearest host. Nothing says what cables are: 2 m of copper at hosts, else 30 m of fibre.

    >>> read_packet("3 1 2\\n2\\n0 2 400Gbps 0.0005ms 0\\n1 2 400Gbps 0.0005ms 0\\n").nodes["switch-2"]["tier"]
    1
    """
    try:
        lines = [line.split() for line in text.splitlines() if line.strip()]
        vertices, switch_count, link_count = map(int, lines[0])
        switches = set(map(int, lines[1])) if switch_count else set()
        rows = lines[2 if switch_count else 1 :]
        cables = Counter((*sorted((int(a), int(b))), _rate(rate), _time(time)) for a, b, rate, time, *_ in rows)
    except (ValueError, IndexError) as error:
        raise ValueError(f"file: got no ns-3 topology of ASTRA-sim ({error})") from error
    if len(switches) != switch_count or len(rows) != link_count:
        raise ValueError(
            f"file: got {len(switches)} switches and {len(rows)} links, but its first line says {switch_count} and "
            f"{link_count}"
        )
    return _packet_graph(vertices, switches, cables)


def write_packet(graph: "nx.Graph[str]") -> str:
    """Return a graph for the ns-3 backend: hosts first, then switches; a chip and its router are one host."""
    nics = [vertex for vertex, own in graph.nodes(data=True) if own["kind"] == "nic"]
    ordinals = {nic: ordinal for ordinal, nic in enumerate(nics)}
    for nic in nics:
        (switch,) = graph[nic]
        if graph[nic][switch]["medium"] == "on-chip":
            ordinals.setdefault(switch, ordinals[nic])
    switches = [v for v, own in graph.nodes(data=True) if own["kind"] == "switch" and v not in ordinals]
    ordinals |= {switch: len(nics) + place for place, switch in enumerate(switches)}
    links = [
        f"{ordinals[near]} {ordinals[far]} {link['bandwidth_bytes_per_s'] * 8 / 1e9:.12g}Gbps "
        f"{link['latency_s'] * 1e3:.12g}ms 0"
        for near, far, link in graph.edges(data=True)
        if near in ordinals and far in ordinals and ordinals[near] != ordinals[far]
        for _ in range(link["count"])
    ]
    head = f"{len(nics) + len(switches)} {len(switches)} {len(links)}"
    return "\n".join([head, *([" ".join(str(ordinals[s]) for s in switches)] if switches else []), *links, ""])


def _analytical(text: str) -> list[list[str]]:
    """Return the lists of the four keys, which must be of one length."""
    bare = re.sub(r"#.*", "", text)
    found = {key: [part.strip() for part in inside.split(",") if part.strip()] for key, inside in _lists(bare)}
    missing = [key for key in KEYS if key not in found]
    if missing or len({len(found[key]) for key in KEYS}) != 1:
        raise ValueError(
            f"file: got {', '.join(found) or 'nothing'}, expected {', '.join(KEYS)} with equally many each"
        )
    strange = [block for block in found["topology"] if block not in BLOCKS]
    if strange:
        raise ValueError(f"file: topology: got {strange[0]!r}, expected one of {', '.join(BLOCKS)}")
    for key in ("bandwidth", "latency"):
        if not all(re.fullmatch(r"\d+(\.\d*)?(e[+-]?\d+)?", each) for each in found[key]):
            raise ValueError(f"file: {key}: got {found[key]}, expected numbers >= 0")
    return [found[key] for key in KEYS]


def _lists(text: str) -> Iterator[tuple[str, str]]:
    yield from re.findall(r"^\s*(\w+)\s*:\s*\[([^\]]*)\]", text, flags=re.MULTILINE)


def _whole(name: str, text: str) -> int:
    if not text.isdigit():
        raise ValueError(f"file: {name}: got {text!r}, expected an integer >= 1")
    return int(text)


def _block(graph: "nx.Graph[str]", block: str, shape: Sequence[int], dimension: int) -> list[tuple[str, str]]:
    """Return the links along a dimension; the vertices of a Switch are added."""
    if block == "FullyConnected":
        return [(router_name(one), router_name(other)) for one, other in mesh_links(shape, dimension)]
    if block == "Ring":
        ring = (size if place == dimension else 1 for place, size in enumerate(shape))
        steps = list(ring_links(list(ring), (True,) * len(shape)))
        return [pair for at in _lines(shape, dimension) for pair in _shifted(steps, at, dimension)]
    pairs = []
    for at in _lines(shape, dimension):
        switch = f"switch-{dimension}-" + "-".join(map(str, at))
        graph.add_node(switch, kind="switch", tier=2)
        own = ((*at[:dimension], place, *at[dimension + 1 :]) for place in range(shape[dimension]))
        pairs += [(router_name(each), switch) for each in own]
    return pairs


def _lines(shape: Sequence[int], dimension: int) -> Iterator[Place]:
    """Yield the beginning of every line along a dimension."""
    yield from product(*(range(1 if place == dimension else size) for place, size in enumerate(shape)))


def _shifted(steps: list[tuple[Place, Place, bool]], at: Place, dimension: int) -> list[tuple[str, str]]:
    ends = ((one[dimension], other[dimension]) for one, other, _ in steps)
    return [
        (
            router_name((*at[:dimension], a, *at[dimension + 1 :])),
            router_name((*at[:dimension], b, *at[dimension + 1 :])),
        )
        for a, b in ends
    ]


def _packet_graph(vertices: int, switches: set[int], cables: Counter[tuple[Any, ...]]) -> "nx.Graph[str]":
    hosts = [vertex for vertex in range(vertices) if vertex not in switches]
    nics = dict(zip(hosts, nic_names(len(hosts)), strict=True))
    bandwidths: Counter[int] = Counter()
    degree: Counter[int] = Counter()
    for (one, other, bandwidth, _), count in cables.items():
        if one == other or not 0 <= one < other < vertices:
            raise ValueError(f"file: got a link {one} - {other}, expected two of the {vertices} vertices")
        for end in (one, other):
            bandwidths[end] += bandwidth * count
            degree[end] += count
    chips = {host for host in hosts if degree[host] > 1}
    names = {vertex: f"switch-{vertex}" for vertex in range(vertices)} | {h: nics[h] for h in hosts}
    names |= {chip: f"router-{chip}" for chip in chips}
    graph: nx.Graph[str] = nx.Graph(family="imported")
    add_nics(graph, ((nic, {"node": place}) for place, nic in enumerate(nics.values())))
    graph.add_nodes_from((names[switch] for switch in sorted(switches)), kind="switch")
    graph.add_nodes_from((names[chip] for chip in sorted(chips)), kind="switch", router=True)
    for chip in sorted(chips):
        add_cables(graph, [(nics[chip], names[chip])], 1, _on_chip(bandwidths[chip]))
    for (one, other, bandwidth, latency), count in cables.items():
        if graph.has_edge(names[one], names[other]):
            raise ValueError(
                f"file: got links {one} - {other} of different rates, expected parallel cables to be alike"
            )
        add_cables(graph, [(names[one], names[other])], count, _cable(bandwidth, latency, not {one, other} <= switches))
    _set_tiers(graph)
    return graph


def _set_tiers(graph: "nx.Graph[str]") -> None:
    """Set the tier of every switch to the links between it and the nearest endpoint (1 where there is none)."""
    nics = {vertex for vertex, own in graph.nodes(data=True) if own["kind"] == "nic"}
    hops = nx.multi_source_dijkstra_path_length(graph, nics, weight=None) if nics else {}
    for vertex, own in graph.nodes(data=True):
        own["tier"] = int(hops.get(vertex, 1))


def _cable(bandwidth_bytes_per_s: float, latency_s: float, copper: bool = True) -> Cabling:
    return Cabling(
        bandwidth_bytes_per_s=bandwidth_bytes_per_s,
        latency_s=latency_s,
        medium="copper" if copper else "optic",
        length_m=2.0 if copper else 30.0,
    )


def _on_chip(bandwidth_bytes_per_s: float) -> Cabling:
    return Cabling(bandwidth_bytes_per_s=bandwidth_bytes_per_s, latency_s=0.0, medium="on-chip", length_m=ON_CHIP_M)


def _rate(text: str) -> float:
    return _quantity(text, _RATES)


def _time(text: str) -> float:
    return _quantity(text, _TIMES)


def _quantity(text: str, units: dict[str, float]) -> float:
    found = re.fullmatch(r"([\d.]+(?:e[+-]?\d+)?)([A-Za-z]+)", text)
    if found is None or found[2] not in units:
        raise ValueError(f"{text!r} is no number with one of {', '.join(units)}")
    return float(found[1]) * units[found[2]]
