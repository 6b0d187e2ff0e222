"""Small networks that fail, judged by rules that a reader can follow in place of a graph."""

from collections.abc import Collection
from dataclasses import replace

from hypothesis import strategies as st

from sim.reliability.failures.outages import SEVERED, Lost, Seats
from sim.reliability.records import FailureClass, RunPlan
from tests.engine.run_plans import TICK_US, laws, run_plans

LEAVES = ("leaf-0", "leaf-1")
SPINES = ("spine-0", "spine-1")


class RuleJudge:
    """Node n hangs on leaf n % 2; with dual ToR on both, and only the loss of both cuts it off.

    Every node has two ports, 2n and 2n + 1, one to each leaf with dual ToR, both needed without. All spines lost sever
    the job; what is lost besides adds a tick to every step.
    """

    def __init__(self, plan: RunPlan, *, dual: bool) -> None:
        self.nodes = plan.nodes + plan.spare_nodes
        self.planned = tuple(phase.step_time_us for phase in plan.phases)
        self.dual = dual

    def cut(self, lost: Collection[Lost], members: Seats) -> frozenset[int]:
        leaves = {each.name for each in lost}
        ports = {each.endpoint for each in lost if each.component == "link"}
        dead = {
            node: [LEAVES[port] in leaves or 2 * node + port in ports for port in (0, 1)] for node in range(self.nodes)
        }
        if self.dual:
            return frozenset(node for node, gone in dead.items() if all(gone))
        return frozenset(
            node for node in dead if LEAVES[node % 2] in leaves or 2 * node in ports or 2 * node + 1 in ports
        )

    def condition(self, lost: Collection[Lost], seats: Seats) -> int:
        if {*SPINES} <= {each.name for each in lost}:
            return SEVERED
        # Ports of nodes that are not in the job slow nobody.
        return sum(each.component != "link" or each.endpoint // 2 in seats for each in lost)

    def step_us(self, condition: int) -> tuple[int, ...]:
        return tuple(length + condition * TICK_US for length in self.planned)


@st.composite
def outages(draw: st.DrawFn) -> tuple[FailureClass, ...]:
    """Causes of lost links, leaves and spines."""
    parts = draw(st.lists(st.sampled_from(["link", "leaf", "spine"]), min_size=1, max_size=3))
    return tuple(
        FailureClass(
            cause=f"lost {part} {position}",
            component=part,
            per_node=2 if part == "link" else 1,
            life=draw(laws(most=300, least=10)),
            replace=False,
            outage=draw(laws(most=60)),
            names={"leaf": LEAVES, "spine": SPINES}.get(part, ()),
        )
        for position, part in enumerate(parts)
    )


@st.composite
def outage_plans(draw: st.DrawFn, late: bool = True) -> RunPlan:
    """Any small plan whose network fails beside whatever else does."""
    plan = draw(run_plans(late))
    return replace(plan, failures=(*plan.failures, *draw(outages())))
