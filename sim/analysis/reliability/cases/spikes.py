"""Loss spikes: steps that a rewind takes back (PaLM)."""

from collections.abc import Iterator

from sim.analysis.reliability.rows import Entry, Found, Predicted
from sim.analysis.reliability.runs import sample
from sim.analysis.reliability.saves import SAVE_EVERY_STEPS, SPIKE_EVERY_STEPS, STEPS, spike_plan
from sim.ledger.time.trace import RunTrace


def spike_rows(case: Entry) -> Iterator[Found]:
    """Yield the steps that are lost to each spike: the published rewind at least, and what lies since a checkpoint."""
    rewind = int(case["restart_time"]["rewind_steps"])
    found = sample(spike_plan(rewind), 4, _lost_a_spike)
    yield Predicted(
        id=f"{case['id']}: steps lost to a spike",
        section="published",
        group=case["id"],
        unit="steps",
        relation=">=",
        measured=float(rewind),
        simulated=found.mean,
        inputs={
            "rewind_steps": rewind,
            "checkpoint_every_steps": SAVE_EVERY_STEPS,
            "spike_every_steps": SPIKE_EVERY_STEPS,
            "steps": STEPS,
        },
        outputs={"lost_steps": found.mean},
        source=case["source"],
        replicas=len(found.values),
        standard_error=found.standard_error,
        note="how often is assumed, for checkpoints and spikes; batches that are skipped cost no time",
    )


def _lost_a_spike(trace: RunTrace) -> float:
    spikes = sum(event.kind == "found" for event in trace.events)
    return sum(trace.lost_steps) / spikes
