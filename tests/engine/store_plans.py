"""Random small plans whose store fails, beside whatever else does."""

from dataclasses import replace

from hypothesis import strategies as st

from sim.reliability.records import STORE, CheckpointPlan, FailureClass, RunPlan
from tests.engine.elastic_plans import elastic_plans
from tests.engine.outage_plans import outages
from tests.engine.run_plans import laws, run_plans


@st.composite
def store_failures(draw: st.DrawFn) -> tuple[FailureClass, ...]:
    """One or two causes for which the store is out, of which some lose what it holds."""
    return tuple(
        FailureClass(
            cause=f"store {position}",
            component=STORE,
            per_node=1,
            life=draw(laws(most=150, least=5)),
            replace=False,
            outage=draw(laws(most=40)),
            data_loss=draw(st.sampled_from([False, False, True])),
        )
        for position in range(draw(st.integers(1, 2)))
    )


@st.composite
def stored(draw: st.DrawFn, checkpoint: CheckpointPlan) -> CheckpointPlan:
    """Checkpoints that are written beside training, or while it waits; in that, other tiers may block longer."""
    if draw(st.booleans()):
        return checkpoint
    return replace(checkpoint, synchronous=True, durable_after_us=checkpoint.block_us)


@st.composite
def store_plans(draw: st.DrawFn, late: bool = True) -> RunPlan:
    """Any small plan whose store fails, and perhaps its network; late: also of an elastic job."""
    plan = draw(st.one_of(run_plans(), run_plans(), elastic_plans()) if late else run_plans(late))
    network = draw(outages()) if plan.recovery.elastic is None and draw(st.booleans()) else ()
    failures = (*plan.failures, *network, *draw(store_failures()))
    return replace(plan, failures=failures, checkpoint=draw(stored(plan.checkpoint)))
