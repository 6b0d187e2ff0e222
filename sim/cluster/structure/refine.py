"""Colour refinement: which vertices of a graph are alike in all that surrounds them."""

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


def equitable_cells(colours: Indices, near: Indices, far: Indices, kinds: Indices) -> Indices:
    """Return the coarsest partition that refines the colours, with cells numbered from 0.

    Vertices of a cell have equally many links of each kind to each cell (an equitable partition; Weisfeiler and Leman,
    1968). near, far, kinds: both ends and the kind of every link, shape (L,); colours: (V,). Multisets of neighbours
    are told apart by sums of 64 mixed bits.

    A path of three: the ends are alike.

    >>> none = np.zeros(3, dtype=np.int64)
    >>> equitable_cells(none, np.array([0, 1]), np.array([1, 2]), none[:2]).tolist()
    [1, 0, 1]
    """
    ends, others = np.concatenate([near, far]), np.concatenate([far, near])
    kind = np.concatenate([kinds, kinds]).astype(np.int64)
    cells = np.unique(colours, return_inverse=True)[1].astype(np.int64)
    while True:
        seen = _mixed(_mixed(cells[others]) + kind.view(np.uint64))
        signature = np.zeros(len(cells), dtype=np.uint64)
        np.add.at(signature, ends, seen)
        rows = np.stack([cells.view(np.uint64), signature], axis=1)
        refined = np.unique(rows, axis=0, return_inverse=True)[1].ravel().astype(np.int64)
        if refined.max(initial=0) == cells.max(initial=0):
            return cells
        cells = refined


def _mixed(values: NDArray[np.int64] | NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return 64 well-mixed bits of each (splitmix64, Steele et al. 2014): sums of them tell multisets apart."""
    bits = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
