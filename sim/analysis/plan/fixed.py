"""A work that is given: the fewest GPUs of a kind that finish it in time."""

from collections.abc import Mapping
from typing import Any

from sim import catalog
from sim.analysis.plan.build import plan_job
from sim.analysis.plan.layouts.records import Progress
from sim.analysis.plan.records import Draft, Question, Work
from sim.analysis.plan.runs import ETTR, draft_of, estimated_s, peak_flops, power_w
from sim.analysis.plan.sizes import at_least, at_most
from sim.errors import InputError
from sim.workload.scaling.solve import training_flop
from sim.workload.transformer import matmul_parameters

MFU = 0.4
"""Where the search for a number of GPUs begins."""

ROUNDS = 5
"""Numbers of GPUs that are tried at most."""

MARGIN = 0.98
"""Of the deadline, that an estimate may use: the simulation has stragglers, which the estimate has not."""


def fewest_in_time(
    question: Question, tree: Mapping[str, Any], node: str, work: Work, most: int | None, progress: Progress
) -> Draft | None:
    """Return the draft with the fewest GPUs that is done in time, or of as many as there may be; None where none fits.

    most: GPUs that power allows.
    """
    if question.gpus is not None:
        return draft_of(question, tree, node, question.gpus, work, progress)
    speed = MFU * ETTR * peak_flops(node, str(tree["training"].get("precision", "bf16")))
    gpus = _within(training_flop(matmul_parameters(work.model), work.tokens) / (speed * question.until_s), node, most)
    tried: dict[int, Draft | None] = {}
    while gpus not in tried and len(tried) < ROUNDS:
        tried[gpus] = draft_of(question, tree, node, gpus, work, progress)
        gpus = _next(question, tried[gpus], gpus, node, most)
    fitting = [draft for draft in tried.values() if draft is not None]
    timely = [draft for draft in fitting if estimated_s(draft) <= MARGIN * question.until_s]
    if timely:
        return min(timely, key=lambda draft: draft.gpus)
    return min(fitting, key=estimated_s, default=None)


def _next(question: Question, draft: Draft | None, gpus: int, node: str, most: int | None) -> int:
    """Return the GPUs to try next: twice as many where nothing fits, else as many as the time asks for."""
    if draft is None:
        return _within(2 * gpus, node, most)
    return _within(gpus * estimated_s(draft) / (MARGIN * question.until_s), node, most)


def _within(gpus: float, node: str, most: int | None) -> int:
    wanted = at_least(gpus, catalog.node(node))
    return wanted if most is None else min(wanted, most)


def most_by_power(question: Question, tree: Mapping[str, Any], node: str, work: Work) -> int | None:
    """Return the most GPUs that a power cap bears, None without one. Raises InputError where it bears not a node."""
    if question.power_cap_w is None:
        return None
    kind = catalog.node(node)
    each_w = catalog.accelerator(kind.accelerator).tdp_w
    gpus = at_most(question.power_cap_w / each_w, kind)
    for _ in range(12):
        if gpus <= 0:
            break
        drawn_w = power_w(plan_job(tree, node, gpus, work.model, work.tokens, question.book))
        if drawn_w <= question.power_cap_w:
            return gpus
        gpus = at_most(min(gpus * question.power_cap_w / drawn_w, gpus - kind.accelerators), kind)
    raise InputError(f"--power-cap: {question.power_cap_w / 1e3:g} kW do not bear one node of {node}; expected more")
