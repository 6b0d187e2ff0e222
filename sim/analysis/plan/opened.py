"""A work that is left open: as much of it as money, time, power and GPUs allow."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sim import catalog
from sim.analysis.plan.fixed import MFU, most_by_power
from sim.analysis.plan.layouts.records import Progress
from sim.analysis.plan.limits import usage
from sim.analysis.plan.records import Outcome, Question, Work
from sim.analysis.plan.runs import ETTR, again, draft_of, peak_flops, simulated
from sim.analysis.plan.sizes import at_least

USD_PER_GPU_HOUR = 3.0
"""Where the search for what a budget buys begins, if the book rents no such node."""

BESIDE_RENT = 1.2
"""Bill over rent, where the search begins: staff, storage, spare nodes."""

ROUNDS = 3
"""Computes that are tried at most."""

NEAR = 0.12
"""How far the scarcer limit may be from used up before a model of another size is tried."""

FULL = 0.985
"""A plan that uses so much of its scarcer limit is done."""


def largest_work(
    question: Question, tree: Mapping[str, Any], node: str, of: Callable[[float], Work], progress: Progress
) -> Outcome | None:
    """Return the simulated plan of the largest work on a kind of node, None where no layout of it fits in memory.

    Compute and GPUs are found together by simulating and scaling; then tokens use up what is left.
    """
    speed = MFU * ETTR * peak_flops(node, str(tree["training"].get("precision", "bf16")))
    gpus, seconds = _start(question, tree, node, of, speed)
    flop = speed * seconds
    found: Outcome | None = None
    for _ in range(ROUNDS):
        draft = draft_of(question, tree, node, gpus, of(flop), progress)
        if draft is None:
            return found
        found = simulated(question, draft, draft.work.tokens, 1, progress)
        part = usage(question, found)
        resized = _gpus(question, found, node, gpus)
        if abs(1 - part) <= NEAR and resized == gpus:
            break
        flop, gpus = flop * _more(question, found, resized / gpus), resized
    return found


def _start(
    question: Question, tree: Mapping[str, Any], node: str, of: Callable[[float], Work], speed: float
) -> tuple[int, float]:
    """Return the GPUs to begin with, and GPU-seconds that time and money leave them."""
    paid_s = None if question.budget_usd is None else _paid_hours(question, question.budget_usd, node) * 3600
    most = question.gpus or most_by_power(question, tree, node, of(1e24))
    if most is not None:
        return most, min(most * question.until_s, paid_s or most * question.until_s)
    assert paid_s is not None, "money, power or GPUs limit an open work"
    return at_least(paid_s / question.until_s, catalog.node(node)), paid_s


def _paid_hours(question: Question, budget_usd: float, node: str) -> float:
    """Return about how many GPU-hours a budget pays, less the lump for data."""
    prices = catalog.price_book(question.book).prices
    rent, data = prices.get(f"rent-on-demand/{node}"), prices.get("data/run")
    each = USD_PER_GPU_HOUR if rent is None else BESIDE_RENT * rent.value
    return max(budget_usd - (data.value if data else 0.0), 0.1 * budget_usd) / each


def _gpus(question: Question, found: Outcome, node: str, gpus: int) -> int:
    """Return the GPUs that use up the budget in time; as many as there are where something else decides them."""
    if question.gpus is not None or question.power_cap_w is not None or question.budget_usd is None:
        return gpus
    growth = question.budget_usd / found.cost_usd
    return at_least(gpus * growth * found.wall_s / question.until_s, catalog.node(node))


def _more(question: Question, found: Outcome, resized: float) -> float:
    """Return by how much the compute may grow on so many times the GPUs."""
    time = question.until_s / found.wall_s * resized
    return time if question.budget_usd is None else min(time, question.budget_usd / found.cost_usd)


def filled(question: Question, found: Outcome, progress: Progress) -> Outcome:
    """Return the same model on as many tokens as use up the scarcer limit, under all seeds; given tokens stay."""
    for _ in range(3):
        part = usage(question, found)
        if FULL <= part <= 1 or (question.tokens is not None and part <= 1):
            break
        found = again(question, found, found.tokens * (0.5 + 0.5 * FULL) / part, 1, progress)
    found = again(question, found, found.tokens, question.seeds, progress)
    part = usage(question, found)
    return found if part <= 1 else again(question, found, found.tokens * 0.998 / part, question.seeds, progress)


def of_tokens(question: Question) -> Question:
    """Return the question what limits allow of the model that was asked for, or of any."""
    return replace(question, loss=None, tokens=None)
