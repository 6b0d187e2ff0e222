"""Parts of a checkpoint on the nodes: alive while each lost seat has a copy on one that is not lost."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sim.engine.jobs.local_parts import LocalParts
from sim.reliability.records import Tier

TIER = Tier(name="host-memory", block_us=0, durable_after_us=0, restore_us=0, local=True)
SEATS = 5


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, SEATS - 1)), max_size=8).map(sorted),
    st.lists(st.integers(0, 9), min_size=1, max_size=4),
    st.integers(0, 3),
    st.integers(1, 2),
)
def test_parts_live_while_each_lost_seat_has_a_copy_left(
    losses: list[tuple[int, int]], begins_us: list[int], copies: int, apart: int
) -> None:
    told: list[tuple[int, int]] = []
    parts = LocalParts(replace(TIER, copies=copies, apart=apart), SEATS, told)
    for time_us, seat in losses:
        told.append((time_us, seat))
        # Of checkpoints that have begun.
        for at_us in (at_us for at_us in begins_us if at_us <= time_us):
            lost = {seat for lost_us, seat in told if lost_us >= at_us}
            copied = ({(seat + apart * copy) % SEATS for copy in range(1, copies + 1)} for seat in lost)
            assert parts.live(at_us) == all(places - lost for places in copied)
