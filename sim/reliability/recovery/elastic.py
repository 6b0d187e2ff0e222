"""Elastic data parallelism: a job goes on with the replicas whose nodes are all there.

The global batch stays, so that each replica that is left does more microbatches and steps take longer. Seats that leave
the job together are a block: one replica, or several that need each other. Of a model the steps are simulated
(`sim.steps.shrunken`), of a given step time they are longer in proportion.
"""

from collections.abc import Sequence

from sim.errors import InputError, ScenarioError, unknown_name
from sim.reliability.failures.slow import has_slow
from sim.reliability.records import STORE, RunPlan
from sim.reliability.recovery.records import ElasticPlan

REGROW = "regrow"
"""Cause of the planned stop at which replicas join again."""

REGROWS = ("at-once", "at-restart")
"""When replicas that are whole join again: a stop is planned for it, or they wait for the next restart."""


def blocks_of(plan: RunPlan) -> tuple[tuple[int, ...], ...]:
    """Return the seats of every block of an elastic job.

    >>> from dataclasses import replace
    >>> from sim.reliability.examples import run_plan
    >>> elastic = replace(run_plan().recovery, mode="elastic", elastic=ElasticPlan(replicas=2))
    >>> blocks_of(replace(run_plan(), recovery=elastic))
    ((0, 1), (2, 3))
    """
    elastic = _elastic(plan)
    each = plan.nodes // elastic.replicas
    return elastic.blocks or tuple(tuple(range(at, at + each)) for at in range(0, plan.nodes, each))


def least_blocks(elastic: ElasticPlan, blocks: int) -> int:
    """Return how many blocks a job needs at least.

    >>> least_blocks(ElasticPlan(replicas=8, min_replicas=3), 4)
    2
    """
    return -(-elastic.min_replicas * blocks // elastic.replicas)


def longer_us(whole_us: Sequence[int], blocks: int, lost: int) -> tuple[int, ...]:
    """Return how long steps take whose time was given, by phase, with `lost` of a job's blocks out.

    step x blocks / (blocks - lost). Assumption: the work of a step divides evenly among any number of replicas, and
    what does not grow with it (the optimizer, latencies) is not told apart. Clocks round to a microsecond.

    >>> longer_us([10, 7], 4, 1)
    (13, 9)
    """
    return tuple(round(us * blocks / (blocks - lost)) for us in whole_us)


def check_elastic(plan: RunPlan) -> None:
    """Refuse an elastic job whose replicas do not share its nodes, or that meets what this model does not combine.

    Raises InputError for numbers out of range, ScenarioError for what does not fit together.
    """
    recovery, elastic = plan.recovery, plan.recovery.elastic
    if recovery.mode != "elastic":
        if elastic is not None:
            raise ScenarioError(f"recovery.replicas: mode '{recovery.mode}' keeps all; expected mode 'elastic'")
        return
    if elastic is None:
        raise ScenarioError("recovery.replicas: is missing; mode 'elastic' needs to know what can be left out")
    if elastic.regrow not in REGROWS:
        raise unknown_name("regrow", elastic.regrow, REGROWS, "recovery.regrow")
    _check_replicas(plan, elastic)
    _check_alone(plan)


def _check_replicas(plan: RunPlan, elastic: ElasticPlan) -> None:
    if elastic.replicas < 1 or (not elastic.blocks and plan.nodes % elastic.replicas):
        raise ScenarioError(
            f"recovery.replicas: got {elastic.replicas:,}; expected a divisor of the job's {plan.nodes:,} nodes"
        )
    if not 1 <= elastic.min_replicas <= elastic.replicas:
        raise InputError(
            f"recovery.min_replicas: got {elastic.min_replicas:,}; expected 1 to {elastic.replicas:,}, the replicas"
        )
    blocks = blocks_of(plan)
    seats = sorted(seat for block in blocks for seat in block)
    if seats != [*range(plan.nodes)] or len({*map(len, blocks)}) > 1 or elastic.replicas % len(blocks):
        raise ScenarioError(
            f"recovery.elastic: got {len(blocks):,} blocks of {len(seats):,} seats for {elastic.replicas:,} replicas; "
            f"expected blocks of equal size that hold each of {plan.nodes:,} seats once, and as many replicas each"
        )


def _check_alone(plan: RunPlan) -> None:
    """Refuse what a job cannot be together with elastic."""
    recovery = plan.recovery
    outages = [failure.cause for failure in plan.failures if failure.outage is not None and failure.component != STORE]
    local = [tier.name for tier in plan.checkpoint.faster if tier.local]
    clashes = {
        "recovery.spares.per_domain": recovery.spares.per_domain > 0,
        "recovery.resume_when_idle": recovery.resume_when_idle is not None,
        "slow nodes, stragglers or a swing of the day": has_slow(plan) or recovery.stragglers is not None,
        f"an outage ('{outages[0] if outages else ''}')": bool(outages),
        f"a checkpoint tier that is on the nodes ('{local[0] if local else ''}')": bool(local),
    }
    for what, clashing in clashes.items():
        if clashing:
            raise ScenarioError(f"recovery.mode: 'elastic' does not go with {what}; expected one of them")


def _elastic(plan: RunPlan) -> ElasticPlan:
    elastic = plan.recovery.elastic
    assert elastic is not None, "only an elastic job has blocks"
    return elastic
