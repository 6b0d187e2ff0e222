"""The dimensions of a grid as they are wired: cables along each, and what crosses its middle."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.cluster.contract import links

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One dimension of a grid, of those longer than 1: its place in the shape, and all cables along it.

    closes: whether its rings close; None where any two places along it are joined. cable_bytes_per_s: of the slowest.
    cut_bytes_per_s: one direction of all links between its lower half (rounded down) and the rest.
    """

    axis: int
    size: int
    closes: bool | None
    cables: int
    cable_bytes_per_s: float
    cut_bytes_per_s: float


def dimensions_of(graph: "nx.Graph[str]") -> tuple[Dimension, ...]:
    """Return the dimensions of a graph with a `shape` and the coordinates `at` of its switches.

    None of a graph that is no grid, as some switch has no coordinates or some link leads along more than one dimension.
    A torus of 4 x 4: 16 links along each dimension, of which 8 cross the middle.

    >>> from topologies import leaf_spine, torus
    >>> [(each.size, each.cables, each.cut_bytes_per_s / 50e9) for each in dimensions_of(torus(shape=[4, 4]))]
    [(4, 16, 8.0), (4, 16, 8.0)]
    >>> dimensions_of(leaf_spine(radix=4))
    ()
    """
    shape, wrap = tuple(graph.graph.get("shape") or ()), graph.graph.get("wrap")
    at = {name: tuple(own.get("at") or ()) for name, own in graph.nodes(data=True) if own["kind"] == "switch"}
    if not shape or any(len(place) != len(shape) for place in at.values()):
        return ()
    along: dict[int, list[tuple[int, float, bool]]] = {axis: [] for axis, size in enumerate(shape) if size > 1}
    for one, other, link in links(graph):
        if one in at and other in at:
            ways = [axis for axis in range(len(shape)) if at[one][axis] != at[other][axis]]
            if len(ways) != 1 or ways[0] not in along:
                return ()
            axis = ways[0]
            crosses = (at[one][axis] < shape[axis] // 2) != (at[other][axis] < shape[axis] // 2)
            along[axis].append((link["count"], link["bandwidth_bytes_per_s"], crosses))
    return tuple(
        Dimension(
            axis=axis,
            size=shape[axis],
            closes=None if wrap is None else bool(wrap[axis]),
            cables=sum(count for count, _, _ in own),
            cable_bytes_per_s=min((bandwidth for _, bandwidth, _ in own), default=0.0),
            cut_bytes_per_s=sum(count * bandwidth for count, bandwidth, crosses in own if crosses),
        )
        for axis, own in along.items()
    )
