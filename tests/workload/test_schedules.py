"""Schedules run every operation once, in a legal order, and layers are dealt without losing any."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import LayoutError, UnknownNameError
from sim.workload.layout import deal_layers
from sim.workload.schedules import SCHEDULES, Op, check_schedule, one_forward_one_backward, pipeline_of


@given(st.sampled_from(sorted(SCHEDULES)), st.integers(1, 8), st.integers(1, 20), st.integers(1, 4))
def test_every_schedule_runs_each_operation_once_and_forward_first(kind: str, p: int, m: int, v: int) -> None:
    chunks = v if kind == "interleaved" else 1
    order = pipeline_of(kind, p, m, chunks).order
    assert len(order) == p
    check_schedule(order, m, chunks)


def test_1f1b_order_rule() -> None:
    first, last = one_forward_one_backward(3, 4, 1)[0], one_forward_one_backward(3, 4, 1)[2]
    assert "".join(op.kind for op in first) == "FFFBFBBB"
    assert "".join(op.kind for op in last) == "FBFBFBFB"


def test_a_broken_order_is_refused() -> None:
    with pytest.raises(LayoutError, match=r"backward of .* before its forward"):
        check_schedule(((Op("B", 0, 0), Op("F", 0, 0)),), 1, 1)
    with pytest.raises(LayoutError, match="expected 2 of each"):
        check_schedule(((Op("F", 0, 0), Op("B", 0, 0)),), 2, 1)


def test_unknown_kinds_and_impossible_chunks_are_named() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'interleaved'"):
        pipeline_of("interleave", 2, 4, 1)
    with pytest.raises(LayoutError, match="1f1b holds one chunk a stage, got 2"):
        pipeline_of("1f1b", 2, 4, 2)


@given(st.integers(1, 200), st.integers(1, 16), st.integers(1, 8))
def test_layers_are_dealt_completely_and_evenly(layers: int, stages: int, chunks: int) -> None:
    if stages * chunks > layers + 2:
        with pytest.raises(LayoutError):
            deal_layers(layers, stages, chunks)
        return
    dealt = deal_layers(layers, stages, chunks)
    counts = [chunk.layers for stage in dealt for chunk in stage]
    assert sum(counts) == layers
    assert max(counts) - min(counts) <= 2
    assert dealt[0][0].embedding
    assert dealt[-1][-1].head
    assert sum(c.embedding + c.head for stage in dealt for c in stage) == 2


def test_llama_3_first_chunk_holds_only_the_embedding_and_last_only_the_head() -> None:
    dealt = deal_layers(126, 16, 8)
    assert (dealt[0][0].layers, dealt[15][7].layers) == (0, 0)
    assert {chunk.layers for stage in dealt for chunk in stage} == {0, 1}
