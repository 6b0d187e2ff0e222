"""From a scenario's words to a checked cluster: the topology function, its arguments, and what the node decides."""

from collections.abc import Mapping

import networkx as nx

from sim.catalog.records import Accelerator, Node
from sim.cluster.contract import check_graph, endpoints_of
from sim.cluster.records import Cluster
from sim.errors import TopologyError
from sim.plugins import Function, check_arguments, resolve
from topologies import FAMILIES

WHERE = "cluster.topology"


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
    graph = _call(topology_kind, {**arguments, **decided}, allow_plugins, wired)
    _check(graph, nodes * node.nics)
    return Cluster(graph=graph, endpoints=endpoints_of(graph), node=node, accelerator=accelerator, nodes=nodes)


def build_bare(topology_kind: str, arguments: Mapping[str, object], allow_plugins: bool = False) -> "nx.Graph[str]":
    """Return a checked topology without nodes: one GPU an endpoint, the family's full size unless `endpoints` is given.

    >>> len(endpoints_of(build_bare("fat-tree", {"k": 4})))
    16
    """
    graph = _call(topology_kind, arguments, allow_plugins, "")
    _check(graph, len(endpoints_of(graph)))
    return graph


def _call(kind: str, arguments: Mapping[str, object], allow_plugins: bool, context: str) -> "nx.Graph[str]":
    function: Function = resolve("topology kind", kind, FAMILIES, allow_plugins, f"{WHERE}.kind")
    check_arguments(function, arguments, WHERE)
    try:
        graph = function(**arguments)
    except ValueError as error:
        raise TopologyError(f"{WHERE}: {kind}: {error}{context}") from error
    if not isinstance(graph, nx.Graph):
        raise TopologyError(f"{WHERE}: {kind}: returned {type(graph).__name__}, expected a networkx Graph")
    return graph


def _check(graph: "nx.Graph[str]", endpoints: int) -> None:
    try:
        check_graph(graph, endpoints)
    except TopologyError as error:
        raise TopologyError("\n".join(f"{WHERE}: {line}" for line in str(error).splitlines())) from error
