"""Failures that several nodes share, in plans small enough to follow, and any small plan that has some."""

from dataclasses import replace

from hypothesis import strategies as st

from sim.reliability.records import Correlated, FailureClass, Law, RunPlan
from tests.engine.outage_plans import outages
from tests.engine.run_plans import TICK_US, laws, run_plans

Holds = tuple[tuple[int, ...], ...]

RACKS: Holds = ((0, 1), (2, 3))


def names_of(kind: str, holds: Holds) -> tuple[str, ...]:
    return tuple(f"{kind}-{number}" for number in range(len(holds)))


def domain(
    kind: str, holds: Holds, *, mean_s: float = 1e5, law: str = "exponential", out_s: float | None = None
) -> FailureClass:
    """A domain that fails with all that it holds; with out_s it is out for so long instead."""
    return FailureClass(
        cause=f"lost {kind}",
        component=kind,
        per_node=1,
        life=Law(kind=law, mean_s=mean_s),
        replace=out_s is None,
        outage=None if out_s is None else Law(mean_s=out_s),
        names=names_of(kind, holds),
        holds=holds,
    )


def correlated(
    failure: FailureClass, *, kind: str = "rack", holds: Holds = RACKS, share: float = 0.2, hit: float = 0.5
) -> FailureClass:
    """The same cause with shocks to racks."""
    shocks = Correlated(domain=kind, share=share, hit=hit, names=names_of(kind, holds), holds=holds)
    return replace(failure, correlated=shocks)


@st.composite
def holdings(draw: st.DrawFn, nodes: int) -> Holds:
    """Any division of nodes into domains."""
    size = draw(st.integers(1, nodes))
    return tuple(tuple(range(first, min(first + size, nodes))) for first in range(0, nodes, size))


@st.composite
def shared_failures(draw: st.DrawFn, nodes: int) -> tuple[FailureClass, ...]:
    """Causes of domains that fail, domains that are out, and components that fail together."""
    found = []
    for position, what in enumerate(
        draw(st.lists(st.sampled_from(["fails", "out", "shocks"]), min_size=1, max_size=3))
    ):
        kind, holds = draw(st.sampled_from(["rack", "power-domain", "site"])), draw(holdings(nodes))
        if what == "shocks":
            mean_s = draw(st.integers(10, 400)) * TICK_US * 1e-6
            each = FailureClass(
                cause="",
                component=draw(st.sampled_from(["gpu", "node", "psu"])),
                per_node=draw(st.integers(1, 3)),
                life=Law(kind="exponential", mean_s=mean_s),
                replace=draw(st.booleans()),
            )
            share, hit = draw(st.sampled_from([0.1, 0.5, 0.9])), draw(st.sampled_from([0.3, 1.0]))
            each = correlated(each, kind=kind, holds=holds, share=share, hit=hit)
        else:
            each = domain(kind, holds, out_s=1.0 if what == "out" else None)
            each = replace(each, life=draw(laws(most=300, least=10)))
            if each.outage is None:
                each = replace(each, replace=draw(st.booleans()))
            else:
                each = replace(each, outage=draw(laws(most=60)))
        found.append(replace(each, cause=f"{what} {position}"))
    return tuple(found)


@st.composite
def shared_plans(draw: st.DrawFn, network: bool = False) -> RunPlan:
    """Any small plan in which nodes fail together, beside whatever else does."""
    plan = draw(run_plans())
    more = draw(shared_failures(plan.nodes + plan.spare_nodes))
    return replace(plan, failures=(*plan.failures, *more, *(draw(outages()) if network else ())))
