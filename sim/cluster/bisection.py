"""The bisection of a fabric: a maximum flow between two halves of its endpoints, on as few vertices as it takes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sim.cluster.skeleton import Bandwidths, Flags, Indices, Skeleton
from sim.cluster.structure.refine import equitable_cells

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MOST_UNITS = 1 << 30
"""Of capacity, for the flow on integers."""


def bisection_bytes_per_s(bones: Skeleton) -> float:
    """Return the least capacity that parts the endpoints into halves: see `describe`.

    >>> from sim.cluster.skeleton import skeleton
    >>> from topologies import leaf_spine
    >>> bisection_bytes_per_s(skeleton(leaf_spine(radix=4), [f"nic-{e:06d}" for e in range(8)])) / 50e9
    4.0
    """
    if bones.hosts.sum() < 2:
        return 0.0
    cuts = [float(bones.capacity_bytes_per_s[far_apart].sum()) for far_apart in _dimension_cuts(bones)]
    return min(cuts) if cuts else _maximum_flow(bones)


def _dimension_cuts(bones: Skeleton) -> Iterator[Flags]:
    """Yield the links across the middle of each even dimension that has half of the endpoints on either side."""
    hosts = bones.hosts.sum(axis=1)
    for dimension, size in enumerate(bones.shape):
        low = bones.at[:, dimension] < size // 2
        if size % 2 == 0 and 2 * hosts[low].sum() == hosts.sum():
            yield low[bones.near] != low[bones.far]


def _maximum_flow(bones: Skeleton) -> float:
    """Return the maximum flow from the first half of the endpoints to the second, on the quotient of the fabric.

    A linear programme keeps its optimum when variables are merged along an equitable partition (Grohe, Kersting,
    Mladenov and Selman, ESA 2014), so that the flow between cells of switches is exact.
    """
    # A sixth of a second, which a grid need not wait for.
    from scipy.sparse import csr_array

    cells = _equitable_cells(bones)
    count = int(cells.max()) + 1
    first, second = count, count + 1
    halves = [np.bincount(cells, weights=bones.halves_bytes_per_s[:, half], minlength=count) for half in (0, 1)]
    near, far = cells[bones.near], cells[bones.far]
    every = np.arange(count)
    source = np.concatenate([np.full(count, first), every, near, far])
    target = np.concatenate([every, np.full(count, second), far, near])
    capacity = np.concatenate([*halves, bones.capacity_bytes_per_s, bones.capacity_bytes_per_s])
    apart = source != target
    shape = (count + 2, count + 2)
    capacities = csr_array((capacity[apart], (source[apart], target[apart])), shape=shape)
    capacities.sum_duplicates()
    capacities.eliminate_zeros()
    return _flow(capacities, first, second)


def _flow(capacities: "csr_array[np.float64]", source: int, target: int) -> float:
    """Return the maximum flow, on integers where all capacities are multiples of one unit."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_flow

    unit = _unit(capacities.data)
    if unit:
        whole = csr_array((np.rint(capacities.data / unit).astype(np.int32), capacities.indices, capacities.indptr))
        return float(maximum_flow(whole, source, target).flow_value) * unit
    import networkx as nx

    flows: nx.DiGraph[int] = nx.DiGraph()
    flows.add_nodes_from([source, target])
    rows, columns = capacities.nonzero()
    for near, far, capacity in zip(rows.tolist(), columns.tolist(), capacities.data.tolist(), strict=True):
        flows.add_edge(near, far, capacity=capacity)
    return float(nx.maximum_flow_value(flows, source, target))


def _unit(capacity: Bandwidths) -> float:
    """Return the greatest common divisor of capacities in whole bytes per second; 0 if there is none that is of use."""
    if not capacity.size or (capacity != np.rint(capacity)).any() or capacity.max() > 2**62:
        return 0.0
    unit = int(np.gcd.reduce(capacity.astype(np.int64)))
    return float(unit) if capacity.sum() / unit < MOST_UNITS else 0.0


def _equitable_cells(bones: Skeleton) -> Indices:
    """Return the coarsest partition where switches of a cell have equally many links of each capacity to each cell."""
    halves = np.unique(bones.halves_bytes_per_s, axis=0, return_inverse=True)[1].ravel().astype(np.int64)
    capacity = np.unique(bones.capacity_bytes_per_s, return_inverse=True)[1].astype(np.int64)
    return equitable_cells(halves, bones.near, bones.far, capacity)
