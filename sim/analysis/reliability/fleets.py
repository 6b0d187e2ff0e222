"""Closed forms of fleets of nodes, through the run engine: stalls, crews and orders of spares."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import comb

from sim.analysis.reliability.oracles import oracle
from sim.analysis.reliability.rows import Predicted
from sim.analysis.reliability.runs import AT_ONCE, DAY_S, HOUR_S, failing, restart, run_plan, sample, share
from sim.reliability.records import Law, Reorder, RepairPlan, RepairStage, Retirement, RunPlan
from sim.reliability.recovery.spares import reordered_fraction

REPAIR_H = 24.0
"""Mean repair of a node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Nodes that run, cold spares, and how many nodes are in repair on average: k lambda / mu."""

    running: int
    spares: int
    load: float

    @property
    def life_h(self) -> float:
        """Mean life of a node."""
        return self.running * REPAIR_H / self.load


PUBLISHED, SMALL = Fleet(running=512, spares=8, load=3.88), Fleet(running=64, spares=4, load=2.4)
"""The fleet of oracle 8, and one whose stalls are seen more often."""


def erlang_b(servers: int, load: float) -> float:
    """Return Erlang's loss formula by its recursion, B(n) = a B(n-1) / (n + a B(n-1)).

    >>> round(erlang_b(9, 3.88), 5)
    0.01142
    """
    lost = 1.0
    for n in range(1, servers + 1):
        lost = load * lost / (n + load * lost)
    return lost


def birth_death(servers: int, rate: float, service: float, crews: int) -> float:
    """Return the share of time in the last state of a queue that takes no more than `servers`; crews 0: unlimited.

    p(n+1) = p(n) rate / (min(n+1, crews) service).

    >>> round(birth_death(9, 3.88, 1.0, 0), 5)
    0.01142
    """
    weights = [1.0]
    for n in range(1, servers + 1):
        weights.append(weights[-1] * rate / (min(n, crews or n) * service))
    return weights[-1] / sum(weights)


def binomial_tail(nodes: int, down: float, more_than: int) -> float:
    """Return the probability that more than so many of some nodes are down, each with the same probability.

    >>> binomial_tail(2, 0.5, 1)
    0.25
    """
    return 1 - sum(comb(nodes, k) * down**k * (1 - down) ** (nodes - k) for k in range(more_than + 1))


def stall_rows() -> Iterator[Predicted]:
    """Yield the share of time in which more nodes are down than there are spares.

    The job needs no time to recover, so that only stalls cost.
    """
    exponential, constant = (Law(kind=kind, mean_s=REPAIR_H * HOUR_S) for kind in ("exponential", "constant"))
    loss = "Erlang B(s+1, k lambda MTTR), whatever the law of repair"
    for name, fleet, repair in (
        ("stalls, cold spares", PUBLISHED, exponential),
        ("stalls, cold spares, constant repair", SMALL, constant),
    ):
        known = erlang_b(fleet.spares + 1, fleet.load)
        yield _stall(name, known, fleet, _plan(fleet, repair, crews=0, clock="operating"), loss)
    known = birth_death(SMALL.spares + 1, SMALL.load / REPAIR_H, 1 / REPAIR_H, crews=3)
    plan = _plan(SMALL, exponential, crews=3, clock="operating")
    yield _stall("stalls, cold spares, three crews", known, SMALL, plan, "birth-death, min(n, c) mu")
    down = REPAIR_H / (SMALL.life_h + REPAIR_H)
    known = binomial_tail(SMALL.running + SMALL.spares, down, SMALL.spares)
    plan = _plan(SMALL, exponential, crews=0, clock="calendar")
    yield _stall("stalls, spares that fail too", known, SMALL, plan, "P(Binomial(k+s, MTTR/(MTTF+MTTR)) > s)")
    yield from _order_rows()


def _order_rows() -> Iterator[Predicted]:
    """Yield the same of fleets all of whose failed nodes are replaced by orders, as long after them as a repair takes.

    Orders of one node are Palm's theorem for a loss system; those of more, lost sales with one order under way.
    """
    each, several = (SMALL.spares - 1, 1), (0, SMALL.spares)
    for name, (below, order), known, formula in (
        ("stalls, an order for each node", each, erlang_b(SMALL.spares + 1, SMALL.load), "Erlang B(s+1, k lambda L)"),
        (
            "stalls, orders of four nodes",
            several,
            reordered_fraction(below=0, order=SMALL.spares, demand=SMALL.load),
            "E[(D - s - 1)+] / (Q + E[(D - s - 1)+])",
        ),
    ):
        plan = _plan(SMALL, Law(), crews=0, clock="operating")
        lead = Law(mean_s=REPAIR_H * HOUR_S)
        retire = Retirement(visits=1, within_s=1.0, replacement=None)
        repair = replace(plan.repair, retire=retire, reorder=Reorder(below=below, order=order, lead=lead))
        yield _stall(name, known, SMALL, replace(plan, repair=repair), formula)


def _plan(fleet: Fleet, repair: Law, *, crews: int, clock: str) -> RunPlan:
    """Return the plan of a fleet whose nodes go to a manual stage at once."""
    manual = RepairStage(time=repair, success=1.0)
    return run_plan(
        failures=(failing(fleet.life_h * HOUR_S, component="node", replace=True),),
        recovery=restart(0.0, rework=False),
        step_s=60.0,
        nodes=fleet.running,
        spare_nodes=fleet.spares,
        failure_clock=clock,
        repair=RepairPlan(crews=crews, automatic=replace(AT_ONCE, success=0.0), manual=manual),
        horizon_s=400 * DAY_S,
    )


def _stall(name: str, known: float, fleet: Fleet, plan: RunPlan, formula: str) -> Predicted:
    found = sample(plan, 8, share("wait_for_node"))
    given = {"k": fleet.running, "s": fleet.spares, "k_lambda_repair": fleet.load, "repair_h": REPAIR_H}
    given |= {"crews": plan.repair.crews} if plan.repair.crews else {}
    if (reorder := plan.repair.reorder) is not None:
        del given["repair_h"]
        given |= {"lead_h": REPAIR_H, "below": reorder.below, "order": reorder.order}
    return oracle(name, known, found, given, unit="fraction", formula=formula, group="fleets")
