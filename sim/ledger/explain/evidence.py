"""How much of a bill rests on what kind of evidence: a line is as weak as the weakest price that it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from sim.catalog.records import PriceBook
from sim.ledger.bill.cost import CostLedger
from sim.ledger.bill.line import Line
from sim.ledger.explain.parts import whole_parts

STATED = "stated"
"""Of lines without a price: contracts, credits and commitments are what the scenario says they are."""

KINDS = ("measured", "published", STATED, "derived", "fitted", "assumed")
"""Kinds of evidence, from the strongest to the weakest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Micro-dollars by kind of evidence, zeros included, and by weakest price, the largest first, with its kind.

    by_kind sums to whole: the bill before time outside the job goes to a pool, where the terms say that it does.
    resting: (price key, kind, micro-dollars of all lines that it is the first weakest price of); sums to whole too.
    """

    whole: int
    by_kind: Mapping[str, int]
    resting: tuple[tuple[str, str, int], ...]


def evidence(costs: CostLedger, book: PriceBook) -> Evidence:
    """Return how much of a bill is measured, published, stated, derived, fitted and assumed.

    Assumption: what the run used (hours, energy, visits) is taken as it was simulated; only prices are judged.
    """
    by_kind = dict.fromkeys(KINDS, 0)
    resting: dict[tuple[str, str], int] = {}
    for line, micro_usd in micro_lines(costs):
        key, kind = _weakest(line, book)
        by_kind[kind] += micro_usd
        resting[key, kind] = resting.get((key, kind), 0) + micro_usd
    largest = sorted(resting.items(), key=lambda each: (-abs(each[1]), each[0]))
    return Evidence(
        whole=sum(by_kind.values()),
        by_kind=by_kind,
        resting=tuple((key, kind, micro_usd) for (key, kind), micro_usd in largest),
    )


def _weakest(line: Line, book: PriceBook) -> tuple[str, str]:
    """Return the weakest price of a line and its kind; the first of several."""
    kinds = [(key, book.prices[key].provenance.kind) for key in line.keys]
    return max(kinds, key=lambda each: KINDS.index(each[1]), default=(line.detail, STATED))


def micro_lines(costs: CostLedger, *, pool: bool = False) -> list[tuple[Line, int]]:
    """Return the lines of a bill in micro-dollars, as the ledger rounds them: each item and way of sharing once.

    pool: only what nobody's run pays for, each line rounded by itself; otherwise only the others.
    """
    if pool:
        return [(line, round(line.usd * 10**6)) for line in costs.lines if line.pool]
    together: dict[tuple[str, str], list[Line]] = {}
    for line in costs.lines:
        if not line.pool:
            together.setdefault((line.item, line.by), []).append(line)
    return [pair for lines in together.values() for pair in zip(lines, _rounded(lines), strict=True)]


def _rounded(lines: list[Line]) -> list[int]:
    amounts = [line.usd * 10**6 for line in lines]
    return whole_parts(amounts, round(sum(amounts, Fraction())))
