"""Plans that replay a log: that of another run, or one at random."""

from dataclasses import replace

from hypothesis import strategies as st

from sim.ledger.time.trace import RunTrace
from sim.reliability.records import FailureClass, Law, RunPlan
from sim.reliability.replay.records import Logged, Replay
from tests.engine.run_plans import TICK_US, run_plans


def logged(failure: FailureClass, trace: RunTrace) -> FailureClass:
    """The class with those failures of a trace that are its own."""
    own = (each for each in trace.events if each.kind == "failure" and each.cause == failure.cause)
    return replace(failure, logged=tuple(Logged(each.time_us, each.component_index) for each in own))


def replaying(plan: RunPlan, trace: RunTrace) -> RunPlan:
    """The plan with the failures of a trace instead of its clocks."""
    return replace(
        plan,
        failures=tuple(logged(failure, trace) for failure in plan.failures),
        failure_clock="calendar",
        replay=Replay(end_us=trace.end_us, then="nothing"),
    )


@st.composite
def logs(draw: st.DrawFn, components: int) -> tuple[Logged, ...]:
    """Up to a dozen failures, many at one instant, some with a time away."""
    times = st.integers(0, 300).map(lambda ticks: ticks * TICK_US)
    rows = draw(st.lists(st.tuples(times, st.integers(0, components - 1), st.just(-1) | times), max_size=12))
    return tuple(Logged(*row) for row in sorted(rows))


@st.composite
def replay_plans(draw: st.DrawFn) -> RunPlan:
    """Any small plan with a log or two beside its clocks, which ends early or starts again."""
    plan = draw(run_plans())
    nodes = plan.nodes + plan.spare_nodes
    own = tuple(
        FailureClass(
            cause=f"logged {component}",
            component=component,
            per_node=each,
            life=Law(kind="exponential", mean_s=1.0),
            replace=component != "job" and draw(st.booleans()),
            logged=draw(logs(each * nodes if component != "job" else 1)),
        )
        for component, each in draw(st.lists(st.sampled_from([("gpu", 2), ("node", 1), ("job", 1)]), unique=True))
    )
    failures = draw(st.permutations([*plan.failures, *own]))
    then = draw(st.sampled_from(["nothing", "repeat"]))
    replay = Replay(end_us=draw(st.integers(300, 400)) * TICK_US, then=then)
    return replace(plan, failures=tuple(failures), failure_clock="calendar", replay=replay)
