"""How replicas that are left share the microbatches of a step."""

from hypothesis import given
from hypothesis import strategies as st

from sim.workload.elastic import shares_of, shrunken
from sim.workload.layout import Batch, Layout
from sim.workload.memory import microbatches

sizes = st.integers(1, 64)


@given(data=sizes, each=sizes, micro=st.integers(1, 4), out=st.integers(0, 63))
def test_replicas_share_all_microbatches_and_no_two_differ_by_more_than_one(
    data: int, each: int, micro: int, out: int
) -> None:
    alive = max(1, data - out)
    batch, layout = Batch(sequence_length=8, global_batch=data * each * micro, micro_batch=micro), Layout(data=data)
    shares = shares_of(batch, layout, alive)
    assert sum(share.replicas for share in shares) == alive
    assert sum(share.replicas * share.microbatches for share in shares) == data * each
    assert [share.microbatches for share in shares] in ([low := data * each // alive], [low + 1, low])
    for share in shares:
        small, left = shrunken(batch, layout, alive, share.microbatches)
        assert (microbatches(small, left), left.data) == (share.microbatches, alive)


@given(data=st.integers(2, 64), each=sizes)
def test_the_fewer_replicas_are_left_the_more_microbatches_the_busiest_runs(data: int, each: int) -> None:
    batch, layout = Batch(sequence_length=8, global_batch=data * each), Layout(data=data)
    busiest = [shares_of(batch, layout, alive)[0].microbatches for alive in range(data, 0, -1)]
    assert busiest == sorted(busiest)
    assert (busiest[0], busiest[-1]) == (each, data * each)
