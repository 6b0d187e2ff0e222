"""Collectives block by block: hand cases, and what is left exposed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.stages.profile import replica_states
from sim.engine.stages.stage import Collective
from sim.engine.step import simulate_step
from sim.workload.blocks import Blocks
from tests.engine.plans import uniform_plan


def exposed_ns(**options: int) -> int:
    return replica_states(simulate_step(uniform_plan("1f1b", **{"stages": 1, "microbatches": 4} | options)))[
        "comm_data"
    ]


@given(layers=st.integers(1, 12), reduction=st.integers(0, 100))
def test_only_the_last_block_is_exposed_where_reduction_is_faster_than_backward(layers: int, reduction: int) -> None:
    # A block's backward takes 1200 / layers >= 100.
    assert exposed_ns(blocks=layers, reduce_ns=layers * reduction) == reduction


def test_a_reduction_slower_than_backward_is_exposed_by_the_difference_and_one_block_of_backward() -> None:
    # Four blocks of backward end 300 apart, each launches a reduction of 500: 300 + 4 x 500 - 1200.
    assert exposed_ns(blocks=4, reduce_ns=2000) == 300 + 2000 - 1200


def test_a_forward_waits_for_each_block_of_its_parameters() -> None:
    # Blocks of the first forward take 150; gathers end at 200, 400, 600, 800, and 150 is left after the last.
    plan = uniform_plan("1f1b", stages=1, microbatches=2, blocks=4, gather_ns=800)
    stage = simulate_step(plan).stages[0]
    assert (stage.starts[0], stage.ends[0]) == (200, 950)
    assert stage.waited_gather == 200 + 3 * 50


def test_blocks_run_forward_in_order_and_backward_in_reverse() -> None:
    parts = Blocks(forward=(1, 5), backward=(3, 1), weight=(), gather_ns=(50, 120), reduce_ns=(11, 13))
    plan = replace(uniform_plan("1f1b", stages=1, microbatches=1), blocks=((parts,),))
    stage = simulate_step(plan).stages[0]
    assert stage.starts == [50, 670]
    # Backward: block 1 takes 300, block 0 the other 900.
    assert stage.collectives == [
        Collective("all-gather", 0, 0, 0, 50),
        Collective("all-gather", 0, 1, 50, 170),
        Collective("reduce", 0, 1, 970, 983),
        Collective("reduce", 0, 0, 1870, 1881),
    ]


def test_only_weight_gradients_complete_a_chunk_where_they_are_apart() -> None:
    plan = uniform_plan(
        "zb-h1", stages=1, microbatches=2, forward_ns=600, backward_ns=600, weight_ns=600, blocks=2, reduce_ns=100
    )
    reductions = [one.start_ns for one in simulate_step(plan).stages[0].collectives]
    assert reductions == [3300, 3600]


def test_kernels_beside_a_collective_are_slower_block_by_block() -> None:
    # The first block's reduction of 200 runs beside the second block of 600, which it lengthens by 0.5 x 200.
    plan = uniform_plan("1f1b", stages=1, microbatches=1, blocks=2, reduce_ns=400, slowdown=1.5)
    stage = simulate_step(plan).stages[0]
    assert stage.slowed == 100
    assert stage.ends == [600, 1900]


@pytest.mark.parametrize("blocks", [1, 4])
def test_without_overlap_blocks_make_no_difference(blocks: int) -> None:
    plan = uniform_plan(
        "interleaved",
        stages=2,
        microbatches=2,
        chunks=2,
        blocks=blocks,
        gather_ns=400,
        reduce_ns=800,
        data_overlap=False,
    )
    timeline = simulate_step(plan)
    assert timeline.stages[0].starts[0] == 2 * 400
    assert timeline.reduced_ns[0] == timeline.stages[0].free_at + 2 * 800


@given(blocks=st.integers(1, 12), gather=st.integers(0, 5000), reduce=st.integers(0, 5000))
def test_blocks_are_one_event_an_operation(blocks: int, gather: int, reduce: int) -> None:
    plan = uniform_plan(
        "interleaved", stages=2, microbatches=4, chunks=2, blocks=blocks, gather_ns=gather, reduce_ns=reduce
    )
    assert simulate_step(plan).events == 2 * 2 * 4 * 2


@given(blocks=st.integers(1, 12), gather=st.integers(0, 5000), reduce=st.integers(0, 5000))
def test_finer_blocks_never_expose_more(blocks: int, gather: int, reduce: int) -> None:
    whole = exposed_ns(gather_ns=gather, reduce_ns=reduce)
    # Rounding moves the border of a block by a nanosecond at most.
    assert exposed_ns(blocks=blocks, gather_ns=gather, reduce_ns=reduce) <= whole + blocks
