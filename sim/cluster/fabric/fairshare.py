"""Max-min fair rates of flows over links, exactly."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.cluster.fabric import filling
from sim.cluster.fabric.arrays import FloatArray, IntArray, stable_order, total

_FEW = 8
"""Links for each entry, above which only those touched are worth looking at."""

_STALE = 1e-3
"""Of a link's demand when it was last summed: below it, what subtractions left is rounding, and is summed anew."""


def max_min_rates(
    *, flow: IntArray, link: IntArray, coefficient: FloatArray, capacity: FloatArray, flows: int
) -> FloatArray:
    """Return the weighted max-min fair rate of every flow.

    Entry (flow i, link l, coefficient a): at rate x, flow i takes a x of link l; entries of one flow and link add
    up. A rate is max-min fair if it cannot rise without lowering one that is no higher (Bertsekas and Gallager,
    Data Networks, 6.5). Local bottlenecks: a link whose share (what is left of it, over the coefficients of its
    flows) is no more than any share its flows meet elsewhere fixes their rate; all such links are frozen in one
    round, which gives the same rates as filling up link by link. Where rounds do not pay, `filling` ends what is left.
    Flows that use no link get infinity.

    capacity: per link, shape (L,). flow, link, coefficient: shape (N,).

    Two flows share link 0 (10/s); one of them also needs link 1 (2/s): it gets 2, the other 8.

    >>> max_min_rates(
    ...     flow=np.array([0, 0, 1]), link=np.array([0, 1, 0]), coefficient=np.ones(3),
    ...     capacity=np.array([10.0, 2.0]), flows=2,
    ... ).tolist()
    [2.0, 8.0]
    """
    paths = _paths(flow, link, coefficient, flows)
    links = _Links(paths, capacity)
    rates, open_ = np.full(flows, np.inf), np.arange(paths.owner.size)
    patience = filling.Patience()
    while open_.size:
        columns = paths.columns_of(open_)
        if patience.ends(sum(each.size for each in columns)):
            rates[paths.owner[open_]] = _filled(paths, columns, open_, links)
            break
        tightest, fixed = _fixed(columns, links, open_.size)
        done, open_ = open_[fixed], open_[~fixed]
        rates[paths.owner[done]] = tightest[fixed]
        if open_.size:
            links.give(done, tightest[fixed], open_)
    return rates


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paths:
    """The links of every flow, longest paths first: the k-th of the first columns[k].size flows, and its coefficient.

    owner: number of each flow outside, without those that use no link. same: the coefficient, where there is but one.
    """

    owner: IntArray
    columns: tuple[IntArray, ...]
    coefficients: tuple[FloatArray, ...]
    same: float | None

    def columns_of(self, flows: IntArray) -> list[IntArray]:
        """Return the columns of flows (ascending) alone."""
        if flows.size == self.owner.size:
            return list(self.columns)
        return [column[flows[: np.searchsorted(flows, column.size)]] for column in self.columns]

    def coefficients_of(self, flows: IntArray) -> list[FloatArray]:
        """Return the coefficients in the columns of flows (ascending) alone."""
        return [each[flows[: np.searchsorted(flows, each.size)]] for each in self.coefficients]


def _paths(flow: IntArray, link: IntArray, coefficient: FloatArray, flows: int) -> _Paths:
    order = stable_order(flow)
    if not np.all(coefficient > 0):
        order = order[coefficient[order] > 0]
    length = np.bincount(flow[order], minlength=flows)
    first = np.cumsum(length) - length
    owner = stable_order(length.max(initial=0) - length)[: np.count_nonzero(length)]
    length, first = length[owner], first[owner]
    longer = np.searchsorted(-length, -np.arange(1, length.max(initial=0) + 1), side="right").tolist()
    entries = [order[first[:count] + place] for place, count in enumerate(longer)]
    return _Paths(
        owner=owner,
        columns=tuple(link[each] for each in entries),
        coefficients=tuple(coefficient[each] for each in entries),
        same=float(coefficient[order[0]]) if order.size and np.ptp(coefficient[order]) == 0 else None,
    )


class _Links:
    """What flows without a rate still ask of every link, and what is left of it: (L,) each.

    count: entries; demand: sum of their coefficients; share: what is left over that, of no meaning without entries.
    """

    def __init__(self, paths: _Paths, capacity: FloatArray) -> None:
        self._paths, self.left = paths, capacity.astype(np.float64)
        self.count = np.bincount(_joined(paths.columns), minlength=capacity.size)
        self.share = np.empty_like(self.left)
        self._sum_up(np.arange(paths.owner.size))

    def give(self, flows: IntArray, rates: FloatArray, others: IntArray) -> None:
        """Take flows, fixed at their rates, and what they use, away from others (both ascending)."""
        columns = self._paths.columns_of(flows)
        link, size = _joined(columns), self.left.size
        touched: slice | IntArray = slice(None)
        if _FEW * link.size < size:
            touched, link = np.unique(link, return_inverse=True)
            size = touched.size
        rate = np.concatenate([rates[: each.size] for each in columns])
        amount = self._paths.same or np.concatenate(self._paths.coefficients_of(flows))
        # Rounding may leave a full link a hair below nothing.
        self.left[touched] = np.maximum(self.left[touched] - total(link, amount * rate, size), 0.0)
        self.count[touched] -= np.bincount(link, minlength=size)
        if isinstance(amount, float):
            self.demand[touched] = amount * self.count[touched]
        else:
            self.demand[touched] -= total(link, amount, size)
            if np.any((self.demand[touched] < _STALE * self._summed[touched]) & (self.count[touched] > 0)):
                self._sum_up(others)
        self._divide(touched)

    def _sum_up(self, flows: IntArray) -> None:
        """Add up the demand of flows anew, as subtractions leave rounding."""
        amount = np.concatenate([np.empty(0), *self._paths.coefficients_of(flows)])
        self.demand = total(_joined(self._paths.columns_of(flows)), amount, self.left.size)
        self._summed = self.demand.copy()
        self._divide(slice(None))

    def _divide(self, links: slice | IntArray) -> None:
        asked = np.where(self.count[links] > 0, self.demand[links], 1.0)
        self.share[links] = self.left[links] / asked


def _joined(columns: Sequence[IntArray]) -> IntArray:
    return np.concatenate([np.empty(0, dtype=np.int64), *columns])


def _fixed(columns: list[IntArray], links: _Links, flows: int) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the least share that each flow meets, and which flows cross a local bottleneck.

    A link is one if as many of its entries meet their flow's least share there as it has.
    """
    met = [links.share[column] for column in columns]
    tightest = met[0].copy()
    for each in met[1:]:
        np.minimum(tightest[: each.size], each, out=tightest[: each.size])
    rows = [np.flatnonzero(each <= tightest[: each.size]) for each in met]
    heres = [column[row] for column, row in zip(columns, rows, strict=True)]
    bottleneck = np.bincount(np.concatenate(heres), minlength=links.count.size) == links.count
    fixed = np.zeros(flows, dtype=np.bool_)
    for row, here in zip(rows, heres, strict=True):
        fixed[row[bottleneck[here]]] = True
    return tightest, fixed


def _filled(paths: _Paths, columns: list[IntArray], flows: IntArray, links: _Links) -> FloatArray:
    """Return the rates of flows, link by link."""
    row = _joined([np.arange(column.size) for column in columns])
    amount = np.concatenate([np.empty(0), *paths.coefficients_of(flows)])
    return filling.filled(row, _joined(columns), amount, links.left, flows.size)
