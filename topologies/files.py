"""Graphs as text: GraphML, node-link JSON, DOT, and what ASTRA-sim reads; the ending of a file's name says which."""

import json
from collections.abc import Callable, Mapping
from io import BytesIO
from types import MappingProxyType
from typing import Any
from xml.etree.ElementTree import ParseError

import networkx as nx

from topologies.astra_sim import read_analytical, read_packet, write_analytical, write_packet


def read_graph(text: str, ending: str) -> "nx.Graph[str]":
    """Return the graph that a text describes. Raises ValueError for a text that is no such graph.

    >>> read_graph('{"nodes": [{"id": "a", "kind": "nic"}], "links": []}', ".json").nodes["a"]
    {'kind': 'nic'}
    """
    if ending not in READERS:
        raise ValueError(f"file: got a name that ends in '{ending}', expected one of {', '.join(READERS)}")
    return READERS[ending](text)


def write_graph(graph: "nx.Graph[str]", ending: str) -> str:
    """Return the text of a graph. Raises ValueError for a format that cannot hold it.

    >>> print(write_graph(nx.Graph([("a", "b")]), ".dot"))
    graph "imported" {
      "a" [label="a", shape=box];
      "b" [label="b", shape=box];
      "a" -- "b" [label=""];
    }
    <BLANKLINE>
    """
    if ending not in WRITERS:
        raise ValueError(f"export: got a name that ends in '{ending}', expected one of {', '.join(WRITERS)}")
    return WRITERS[ending](graph)


def read_node_link(text: str) -> "nx.Graph[str]":
    """Return a graph from networkx' node-link JSON, its links under "links" or "edges"."""
    try:
        data = json.loads(text)
        if data.get("directed") or data.get("multigraph"):
            raise ValueError("file: got a directed graph or a multigraph, expected an undirected one")
        graph: nx.Graph[str] = nx.Graph(**_tuples(data.get("graph", {})))
        for vertex in data["nodes"]:
            graph.add_node(str(vertex["id"]), **_tuples({key: vertex[key] for key in vertex if key != "id"}))
        for link in data["links"] if "links" in data else data["edges"]:
            near, far = str(link["source"]), str(link["target"])
            own = {key: link[key] for key in link if key not in ("source", "target")}
            _add_once(graph, near, far, own)
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"file: got no node-link JSON ({type(error).__name__}: {error})") from error
    return graph


def write_node_link(graph: "nx.Graph[str]") -> str:
    """Return a graph as networkx' node-link JSON."""
    return json.dumps(nx.node_link_data(graph, edges="links"), separators=(",", ":")) + "\n"


def read_graphml(text: str) -> "nx.Graph[str]":
    """Return a graph from GraphML; tuples stand there as JSON."""
    try:
        found: nx.Graph[Any] = nx.read_graphml(BytesIO(text.encode()))
    except (ParseError, nx.NetworkXError, KeyError, ValueError, StopIteration) as error:
        raise ValueError(f"file: got no GraphML ({type(error).__name__}: {error})") from error
    if found.is_multigraph() or found.is_directed():
        raise ValueError("file: got a directed graph or links that are given twice, expected neither; use count")
    graph: nx.Graph[str] = nx.Graph(**_unpacked(found.graph))
    graph.add_nodes_from((str(vertex), _unpacked(own)) for vertex, own in found.nodes(data=True))
    graph.add_edges_from(
        (str(near), str(far), {key: value for key, value in own.items() if key != "id"})
        for near, far, own in found.edges(data=True)
    )
    return graph


def write_graphml(graph: "nx.Graph[str]") -> str:
    """Return a graph as GraphML, tuples as JSON."""
    plain: nx.Graph[str] = nx.Graph(**_packed(graph.graph))
    plain.add_nodes_from((vertex, _packed(own)) for vertex, own in graph.nodes(data=True))
    plain.add_edges_from((near, far, _packed(own)) for near, far, own in graph.edges(data=True))
    return "\n".join(nx.generate_graphml(plain)) + "\n"


def write_dot(graph: "nx.Graph[str]") -> str:
    """Return a graph as DOT for Graphviz, with parallel cables and bandwidths as labels."""
    lines = [f"graph {json.dumps(str(graph.graph.get('family', 'imported')))} {{"]
    for vertex, own in graph.nodes(data=True):
        shape = "ellipse" if own.get("kind") == "nic" else "box"
        lines.append(f"  {json.dumps(vertex)} [label={json.dumps(vertex)}, shape={shape}];")
    for near, far, own in graph.edges(data=True):
        label = f"{own['count']} x {own['bandwidth_bytes_per_s'] * 8 / 1e9:g} Gbit/s" if "count" in own else ""
        lines.append(f"  {json.dumps(near)} -- {json.dumps(far)} [label={json.dumps(label)}];")
    return "\n".join([*lines, "}", ""])


def _add_once(graph: "nx.Graph[str]", near: str, far: str, own: Mapping[str, Any]) -> None:
    if graph.has_edge(near, far):
        raise ValueError(f"file: got the link {near} - {far} twice, expected once with its count")
    for vertex in (near, far):
        if vertex not in graph:
            raise ValueError(f"file: got a link of {vertex!r}, which is no vertex of the graph")
    graph.add_edge(near, far, **own)


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {str(key): tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def _packed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: json.dumps(value) if isinstance(value, list | tuple) else value for key, value in values.items()}


def _unpacked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes with the tuples that `_packed` made text of; networkx' own defaults are dropped."""
    return {
        str(key): tuple(json.loads(value)) if isinstance(value, str) and value.startswith("[") else value
        for key, value in values.items()
        if key not in ("node_default", "edge_default")
    }


READERS: Mapping[str, Callable[[str], "nx.Graph[str]"]] = MappingProxyType(
    {
        ".graphml": read_graphml,
        ".json": read_node_link,
        ".txt": read_packet,
        ".yaml": read_analytical,
        ".yml": read_analytical,
    }
)

WRITERS: Mapping[str, Callable[["nx.Graph[str]"], str]] = MappingProxyType(
    {
        ".dot": write_dot,
        ".graphml": write_graphml,
        ".json": write_node_link,
        ".txt": write_packet,
        ".yaml": write_analytical,
        ".yml": write_analytical,
    }
)
