"""Schedules run every operation once, in a legal order, and layers are dealt without losing any."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import LayoutError, UnknownNameError
from sim.workload.chunks import deal_layers
from sim.workload.pipelines import SCHEDULES, PipelineKey, check_schedule, pipeline_of
from sim.workload.schedules import Op, looped_route, one_forward_one_backward


@given(st.sampled_from(sorted(SCHEDULES)), st.integers(1, 8), st.integers(1, 20), st.integers(1, 4))
def test_every_schedule_runs_each_operation_once_and_forward_first(kind: str, p: int, m: int, v: int) -> None:
    copies = SCHEDULES[kind].copies
    pipeline = pipeline_of(PipelineKey(kind, p * copies, m * copies, SCHEDULES[kind].chunks or v))
    assert len(pipeline.order) == p * copies
    check_schedule(pipeline.order, pipeline.routes, pipeline.split)


def test_1f1b_order_rule() -> None:
    first, last = one_forward_one_backward(3, 4, 1)[0], one_forward_one_backward(3, 4, 1)[2]
    assert "".join(op.kind for op in first) == "FFFBFBBB"
    assert "".join(op.kind for op in last) == "FBFBFBFB"


def test_a_broken_order_is_refused() -> None:
    route = looped_route(1, 1)
    with pytest.raises(LayoutError, match=r"backward of .* before its forward"):
        check_schedule(((Op("B", 0, 0), Op("F", 0, 0)),), [route])
    with pytest.raises(LayoutError, match="runs 2 operations, expected 2 of each"):
        check_schedule(((Op("F", 0, 0), Op("B", 0, 0)),), [route] * 2)
    with pytest.raises(LayoutError, match=r"weight gradient of .* before its backward"):
        check_schedule(((Op("F", 0, 0), Op("W", 0, 0), Op("B", 0, 0)),), [route], split=True)
    with pytest.raises(LayoutError, match="runs a weight gradient; expected F, B"):
        check_schedule(((Op("F", 0, 0), Op("W", 0, 0)),), [route])


def test_unknown_kinds_and_impossible_chunks_are_named() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'interleaved'"):
        pipeline_of(PipelineKey("interleave", 2, 4, 1))
    with pytest.raises(LayoutError, match="1f1b holds one chunk a stage, got 2"):
        pipeline_of(PipelineKey("1f1b", 2, 4, 2))


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
