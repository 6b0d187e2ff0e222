"""From a scenario's words to a checked cluster: the topology function, its arguments, and what the node decides."""

from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING

from sim.catalog.records import Accelerator, Node, Provenance
from sim.cluster.contract import check_graph, endpoints_of
from sim.cluster.records import Cluster
from sim.errors import TopologyError
from sim.plugins import Function, check_arguments, resolve

if TYPE_CHECKING:
    import networkx as nx

WHERE = "cluster.topology"

_SCALE_UP_RATIO = 9.0

_DRAWN = {"*": Provenance(source="a drawing without nodes", date="", kind="assumed")}


def build_cluster(
    topology_kind: str,
    arguments: Mapping[str, object],
    node: Node,
    accelerator: Accelerator,
    nodes: int,
    allow_plugins: bool = False,
) -> Cluster:
    """Return nodes (job and spares) wired by a topology, its graph checked against the attribute contract.

    The function gets endpoints = nodes x NICs, nics_per_node and bandwidth_bytes_per_s from the node, and the
    scenario's own arguments beside them.
    Raises UnknownNameError for an unknown kind or argument, TopologyError for arguments that the function refuses
    (too small for the nodes, ports beyond a radix ...) or that the node decides, and for a graph that breaks the
    contract; each names cluster.topology.
    """
    decided: dict[str, object] = {
        "endpoints": nodes * node.nics,
        "nics_per_node": node.nics,
        "bandwidth_bytes_per_s": node.nic_bandwidth_bytes_per_s,
    }
    for name in decided:
        if name in arguments:
            raise TopologyError(f"{WHERE}.{name}: got {arguments[name]!r}, but it follows from cluster.node and nodes")
    wired = f"; {nodes:,} nodes '{node.name}' x {node.nics} NICs = {nodes * node.nics:,} endpoints"
    graph = call_topology(topology_kind, {**arguments, **decided}, allow_plugins, wired)
    check_topology(graph, nodes * node.nics, nics_per_domain(node))
    return Cluster(graph=graph, endpoints=endpoints_of(graph), node=node, accelerator=accelerator, nodes=nodes)


def build_bare(topology_kind: str, arguments: Mapping[str, object], allow_plugins: bool = False) -> "nx.Graph[str]":
    """Return a checked topology without nodes: one GPU an endpoint, the family's full size unless `endpoints` is given.

    >>> len(endpoints_of(build_bare("fat-tree", {"k": 4})))
    16
    """
    graph = call_topology(topology_kind, arguments, allow_plugins)
    # A graph without endpoints is no fabric: expect one.
    check_topology(graph, max(len(endpoints_of(graph)), 1), _drawn_node(graph)[1])
    return graph


def nics_per_domain(node: Node) -> int:
    """Return how many consecutive endpoints reach one another without the fabric: those of a node, or of its domain.

    >>> from sim.cluster.examples import node
    >>> nics_per_domain(node(gpus=4, nics=4, domain=72)), nics_per_domain(node(gpus=8, nics=16, domain=1))
    (72, 16)
    """
    return max(node.nics, node.scale_up_domain * node.nics // node.accelerators, 1)


def endpoint_cluster(graph: "nx.Graph[str]") -> Cluster:
    """Return a bare topology as a cluster of one-GPU nodes, each with the NIC of its endpoint and nothing else.

    Where the graph does not join its endpoints by itself (rails, planes, two ports a NIC), the family says how many
    GPUs and NICs a node has; the node is a scale-up domain then, of 9 times its NICs' bandwidth (H100: 450 to 50 GB/s).
    Raises TopologyError for endpoints that are not whole nodes.

    >>> endpoint_cluster(build_bare("fat-tree", {"k": 4})).gpus
    16
    >>> endpoint_cluster(build_bare("alibaba-hpn", {"segments": 1})).gpus
    1024
    """
    endpoints = endpoints_of(graph)
    link = next(iter(graph.adj[endpoints[0]].values()))
    bandwidth = float(link["bandwidth_bytes_per_s"])
    gpus, nics = _drawn_node(graph)
    if len(endpoints) % nics:
        raise TopologyError(f"{WHERE}: endpoints: got {len(endpoints):,}, expected whole nodes of {nics}")
    scale_up = bandwidth if gpus == 1 else _SCALE_UP_RATIO * bandwidth * nics / gpus
    return Cluster(
        graph=graph,
        endpoints=endpoints,
        node=_endpoint_node(bandwidth, gpus, nics),
        accelerator=_endpoint_accelerator(bandwidth, scale_up),
        nodes=len(endpoints) // nics,
    )


def _drawn_node(graph: "nx.Graph[str]") -> tuple[int, int]:
    """Return the GPUs and NICs of a node of a bare topology: one each, unless the family says otherwise."""
    gpus, nics = (graph.graph.get(name, 1) for name in ("gpus_per_node", "nics_per_node"))
    for value in (gpus, nics):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise TopologyError(f"{WHERE}: nodes of the graph: got {value!r}, expected an integer >= 1")
    return gpus, nics


def call_topology(
    kind: str, arguments: Mapping[str, object], allow_plugins: bool, context: str = "", where: str = WHERE
) -> "nx.Graph[str]":
    """Return what a topology's function draws; errors name the key `where`, and end in the context.

    Raises UnknownNameError for an unknown kind or argument, TopologyError for what the function refuses.
    """
    import networkx as nx

    from topologies import FAMILIES

    function: Function = resolve("topology kind", kind, FAMILIES, allow_plugins, f"{where}.kind")
    check_arguments(function, arguments, where)
    try:
        graph = function(**arguments)
    except ValueError as error:
        raise TopologyError(f"{where}: {kind}: {error}{context}") from error
    except Exception as error:
        if kind in FAMILIES:
            raise
        raise TopologyError(f"{where}: {kind}: raised {type(error).__name__}: {error}{context}") from error
    if not isinstance(graph, nx.Graph):
        raise TopologyError(f"{where}: {kind}: returned {type(graph).__name__}, expected a networkx Graph")
    return graph


def check_topology(graph: "nx.Graph[str]", endpoints: int, nics_per_domain: int, where: str = WHERE) -> None:
    """Raise TopologyError, each line naming the key `where`, unless a graph honours the contract; see check_graph."""
    try:
        check_graph(graph, endpoints, nics_per_domain)
    except TopologyError as error:
        raise TopologyError("\n".join(f"{where}: {line}" for line in str(error).splitlines())) from error


def _endpoint_node(bandwidth_bytes_per_s: float, gpus: int, nics: int) -> Node:
    """Return a node of what a fabric drawn without nodes is made of; it draws no power."""
    return Node(
        name="endpoint",
        accelerator="endpoint",
        accelerators=gpus,
        scale_up_domain=gpus,
        scale_up_latency_s=0.0,
        scale_up_switches=0,
        nics=nics,
        nic_bandwidth_bytes_per_s=bandwidth_bytes_per_s,
        nic_latency_s=0.0,
        network_technology="",
        cpus=1,
        pcie_switches=1,
        pcie_bandwidth_bytes_per_s=bandwidth_bytes_per_s * ceil(nics / gpus),
        host_to_device_bandwidth_bytes_per_s=bandwidth_bytes_per_s,
        nameplate_w=0.0,
        overhead_idle_w=0.0,
        overhead_busy_w=0.0,
        sources=_DRAWN,
    )


def _endpoint_accelerator(bandwidth_bytes_per_s: float, scale_up_bytes_per_s: float) -> Accelerator:
    return Accelerator(
        name="endpoint",
        vendor="",
        peak_flops_per_s={},
        sm_count=1,
        hbm_bytes=0.0,
        hbm_bandwidth_bytes_per_s=bandwidth_bytes_per_s,
        hbm_efficiency=1.0,
        scale_up_bandwidth_bytes_per_s=scale_up_bytes_per_s,
        scale_up_efficiency=1.0,
        tdp_w=0.0,
        idle_w=0.0,
        busy_w=0.0,
        communicating_w=0.0,
        gemm={},
        attention={},
        sources=_DRAWN,
    )
