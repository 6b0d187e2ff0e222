"""From peak to useful FLOP: where the GPU-time went, as losses between milestones."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sim.ledger.time.apportion import split
from sim.ledger.time.trace import JOB_STATES, OUTSIDE_STATES, RECLASSIFIED_STATES
from sim.report.text import WIDTH, Marks, Result, short_usd, tenths, wrapped
from sim.workload.profile import STEP_STATES

USEFUL = ("compute_ideal", "step")
"""What is left at the end: FLOP at peak; or, where the step time was given without a model, the step as a whole."""

LOSSES: Mapping[str, tuple[str, ...]] = {
    "outside the job": OUTSIDE_STATES,
    "not stepping": JOB_STATES,
    "reclassified": RECLASSIFIED_STATES,
    "in the step": tuple(state for state in STEP_STATES if state not in USEFUL),
}
"""Losses in the order in which they are taken off, grouped by where they arise."""

MILESTONES: Mapping[str, str] = {
    "outside the job": "in the job",
    "not stepping": "stepping",
    "reclassified": "retained steps",
    "in the step": "useful FLOP",
}
"""What is left after each group; without a model nothing is lost in the step, and retained steps are the end."""

_WHOLE = 1000
_NAME, _SHARE, _COST = 23, 8, 9


class Bar(NamedTuple):
    """One state's loss, or the useful rest (group ""): its exact fraction, and what is shown and left in 0.1 %."""

    state: str
    group: str
    fraction: float
    tenths: int
    left: int


def waterfall_bars(fractions: Mapping[str, float]) -> list[Bar]:
    """Return the bars from peak to useful FLOP, zeros included, the useful rest last.

    fractions: by state, summing to 1. On the screen each is a whole number of tenths of a percent: the useful
    rest rounded, the losses by largest remainder, so that all of them sum to 100.0 %.

    >>> bars = waterfall_bars({"compute_ideal": 0.5, "bubble": 0.3, "spare": 0.2})
    >>> [(bar.state, bar.tenths, bar.left) for bar in bars]
    [('spare', 200, 800), ('bubble', 300, 500), ('compute_ideal', 500, 0)]
    """
    states = [(state, group) for group, members in LOSSES.items() for state in members if state in fractions]
    useful = [state for state in USEFUL if state in fractions]
    rest = round(_WHOLE * sum(fractions[state] for state in useful))
    parts = _apportioned(_WHOLE - rest, [fractions[state] for state, _ in states])
    bars, left = [], _WHOLE
    for (state, group), part in zip(states, parts, strict=True):
        left -= part
        bars.append(Bar(state, group, fractions[state], part, left))
    ends = _apportioned(rest, [fractions[state] for state in useful])
    return bars + [Bar(state, "", fractions[state], end, 0) for state, end in zip(useful, ends, strict=True)]


def _apportioned(whole: int, fractions: Sequence[float]) -> list[int]:
    weights = [round(fraction * 1e15) for fraction in fractions]
    return split(whole, weights) if sum(weights) > 0 else [0] * len(weights)


def waterfall_text(title: str, fractions: Mapping[str, float], marks: Marks, costs: Result | None = None) -> list[str]:
    """Return the waterfall in lines of at most 80 columns; costs: USD by state."""
    bars = waterfall_bars(fractions)
    groups = list(dict.fromkeys(bar.group for bar in bars if bar.group))
    lines = [title, _line("peak", _WHOLE, _cost(bars, costs), _kept(_WHOLE, marks))]
    left, remaining = _WHOLE, bars
    for group in groups:
        for bar in (bar for bar in bars if bar.group == group):
            left -= bar.tenths
            if bar.fraction:
                drawn = _lost(left, left + bar.tenths, marks)
                lines.append(_line(f"  {bar.state}", bar.tenths, _cost([bar], costs), drawn, bar.fraction))
        remaining = [bar for bar in remaining if bar.group != group]
        lines.append(_line(MILESTONES[group], left, _cost(remaining, costs), _kept(left, marks)))
    zeros = [bar.state for bar in bars if not bar.fraction]
    return lines + (wrapped(f"none: {', '.join(zeros)}", "      ") if zeros else [])


def _cost(bars: Sequence[Bar], costs: Result | None) -> str:
    return "" if costs is None else short_usd(sum(costs.get(bar.state, 0) for bar in bars))


def _line(name: str, share: int, cost: str, drawn: str, fraction: float = 1.0) -> str:
    shown = tenths(share) if share or not fraction else "<0.1 %"
    money = f"{cost:>{_COST}}" if cost else ""
    return f"{name:<{_NAME}}{shown:>{_SHARE}}{money}  {drawn}".rstrip()


def _columns(share: int) -> int:
    return round(share * (WIDTH - _NAME - _SHARE - _COST - 2) / _WHOLE)


def _kept(share: int, marks: Marks) -> str:
    return marks.kept * _columns(share)


def _lost(left: int, before: int, marks: Marks) -> str:
    start, end = _columns(left), _columns(before)
    return " " * start + marks.lost * (end - start) if end > start else " " * max(start - 1, 0) + marks.thin
