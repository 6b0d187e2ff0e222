"""A graph from a file, as any other family."""

from pathlib import Path

import networkx as nx

from topologies.arguments import require_count, require_number
from topologies.files import read_graph


def imported(
    *,
    file: str,
    endpoints: int | None = None,
    nics_per_node: int | None = None,
    bandwidth_bytes_per_s: float | None = None,
    latency_s: float | None = None,
) -> "nx.Graph[str]":
    """Return the graph of a file: GraphML, node-link JSON, or a network file of ASTRA-sim (.yml analytical, .txt ns-3).

    The file's vertices and links carry the attributes that all families set; `check_graph` holds them to it. Vertices
    of a front end that was exported beside the fabric (network = "front-end") are left out.
    endpoints: keep so many NICs, the first of the file. nics_per_node: sets the node of every NIC.
    bandwidth_bytes_per_s: of links that have none in the file; the endpoints' own have to be of it, for nothing given
    is ignored. latency_s: of links that have none.
    Raises ValueError for a file that cannot be read, fewer endpoints than asked for, and values that it contradicts.

    >>> imported(file="nowhere.json")
    Traceback (most recent call last):
    ValueError: file: got 'nowhere.json', which cannot be read (No such file or directory)
    """
    path = Path(str(file))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no text"
        raise ValueError(f"file: got {str(file)!r}, which cannot be read ({reason})") from error
    graph = read_graph(text, path.suffix)
    graph.remove_nodes_from([vertex for vertex, own in graph.nodes(data=True) if own.get("network") == "front-end"])
    nics = [vertex for vertex, own in graph.nodes(data=True) if own.get("kind") == "nic"]
    if endpoints is not None:
        if require_count("endpoints", endpoints) > len(nics):
            raise ValueError(f"endpoints: got {endpoints:,}, but the file holds {len(nics):,}")
        graph.remove_nodes_from(nics[endpoints:])
        nics = nics[:endpoints]
    if nics_per_node is not None:
        for endpoint, nic in enumerate(nics):
            graph.nodes[nic]["node"] = endpoint // require_count("nics_per_node", nics_per_node)
    if bandwidth_bytes_per_s is not None:
        _fill(graph, "bandwidth_bytes_per_s", require_number("bandwidth_bytes_per_s", bandwidth_bytes_per_s))
        _check_bandwidth(graph, nics, bandwidth_bytes_per_s)
    if latency_s is not None and not _fill(graph, "latency_s", require_number("latency_s", latency_s, zero=True)):
        raise ValueError(f"latency_s: got {latency_s!r}, but every link of the file has its own")
    return graph


def _fill(graph: "nx.Graph[str]", name: str, value: float) -> int:
    """Set an attribute of the links that lack it, and return how many these were."""
    lacking = [link for _, _, link in graph.edges(data=True) if name not in link]
    for link in lacking:
        link[name] = value
    return len(lacking)


def _check_bandwidth(graph: "nx.Graph[str]", nics: list[str], bandwidth_bytes_per_s: float) -> None:
    for nic in nics:
        for link in graph[nic].values():
            own = link["bandwidth_bytes_per_s"]
            if own != bandwidth_bytes_per_s:
                raise ValueError(
                    f"bandwidth_bytes_per_s: got {bandwidth_bytes_per_s:g}, but {nic} of the file has {own:g}"
                )
