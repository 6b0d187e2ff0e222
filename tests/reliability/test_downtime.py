"""What outages leave of what is written to a store, against a count of every checkpoint."""

from hypothesis import given
from hypothesis import strategies as st

from sim.reliability.records import CheckpointPlan, PhasePlan
from sim.reliability.saving.downtime import Downtime
from sim.reliability.saving.progress import NEVER_US, Batch, begun_before, begun_us, course


@st.composite
def downtimes(draw: st.DrawFn, synchronous: bool) -> Downtime:
    """Outages, also one right after another, the last of which may go on."""
    store, now = Downtime(synchronous=synchronous), 0
    for _ in range(draw(st.integers(1, 4))):
        now += draw(st.integers(0, 20))
        store.fails(now)
        now += draw(st.integers(1, 9))
        store.returns(now)
    if draw(st.booleans()):
        store.fails(now)
    return store


def overlaps(store: Downtime, begin_us: int, end_us: int) -> bool:
    """Whether the store is out at a begin, or goes out before an end."""
    outages = zip(store.starts_us, store.ends_us, strict=True)
    return any(start < max(end_us, begin_us + 1) and end > begin_us for start, end in outages)


@given(downtimes(synchronous=False), st.data())
def test_the_store_has_what_no_outage_overlaps(store: Downtime, data: st.DataObject) -> None:
    block, more, step, every = (data.draw(st.integers(*ends)) for ends in ((0, 2), (0, 6), (1, 6), (1, 3)))
    plan = CheckpointPlan(interval_us=1, block_us=block, durable_after_us=block + more, restore_us=0, every=every)
    way = course([PhasePlan(name="main", steps=None, step_time_us=step, tokens_per_step=1)], plan, None)
    first, number, begin, stop = (data.draw(st.integers(*ends)) for ends in ((1, 5), (1, 12), (0, 30), (0, 120)))
    batch, tier = Batch(begin, first, number, 0, way.cycle_us[0]), way.tiers[-1]
    held = begun_before(way, batch, stop - tier.durable_after_us + 1)
    begins = [begun_us(way, batch, place) for place in range(held)]
    has = [not overlaps(store, at, at + tier.durable_after_us) for at in begins]
    if every == 1:
        assert store.lost(way, batch, held, tier, stop) == has.count(False)
    takes = [place for place in range(held) if (first + place) % every == 0]
    newest = max((place for place in takes if has[place]), default=-1)
    assert max(store.newest(way, batch, max(takes, default=-1), tier, stop), -1) == newest


@given(downtimes(synchronous=True), st.integers(0, 120), st.integers(0, 9))
def test_what_the_job_waits_for_is_written_in_the_first_time_that_is_long_enough(
    store: Downtime, begin_us: int, length_us: int
) -> None:
    tries = (at for at in range(begin_us, 200) if not overlaps(store, at, at + length_us))
    expected = next((at + length_us for at in tries), NEVER_US)
    assert store.written_us(begin_us, length_us) == expected
