"""What a layout must divide, and that errors name the nearest value that would be accepted."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sim import catalog
from sim.catalog.records import Model
from sim.errors import LayoutError
from sim.workload.chunks import deal_layers
from sim.workload.examples import gpt
from sim.workload.layout import Batch, Layout, Schedule, local_kv_heads
from sim.workload.layout_checks import check_batch, check_sequence, check_stages, check_tensor
from sim.workload.pipelines import SCHEDULES, PipelineKey, pipeline_of

BATCH = Batch(sequence_length=128, global_batch=16)


def grouped(heads: int, kv_heads: int, ffn_hidden: int = 1 << 12) -> Model:
    model = gpt(layers=8, hidden=64 * heads, heads=heads)
    return replace(model, kv_heads=kv_heads, attention="gqa", ffn_hidden=ffn_hidden)


def refusal(check: Any, *arguments: Any) -> str:
    with pytest.raises(LayoutError) as caught:
        check(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message


def numbers_after(words: str, message: str) -> list[int]:
    found = re.search(rf"{words}: ([\d or]+)", message)
    assert found, message
    return [int(number) for number in found[1].split(" or ")]


def test_more_ranks_than_key_value_heads_hold_copies_of_them() -> None:
    model = grouped(heads=64, kv_heads=8)
    for tensor in (1, 2, 4, 8, 16, 32, 64):
        check_tensor(model, tensor)
    assert [local_kv_heads(model, Layout(tensor=tensor)) for tensor in (4, 8, 16)] == [2, 1, 1]


@pytest.mark.parametrize(
    ("model", "tensor", "expected"),
    [
        (grouped(64, 8), 3, "3 does not divide model.heads = 64; nearest that does: 2 or 4"),
        (grouped(64, 8), 128, "128 does not divide model.heads = 64; nearest that does: 64"),
        (
            grouped(48, 6, ffn_hidden=4800),
            4,
            "4 neither divides model.kv_heads = 6 nor is a multiple of it; nearest that does: 3 or 6",
        ),
        (grouped(48, 8, ffn_hidden=100), 8, "8 does not divide model.ffn_hidden = 100; nearest that does: 4"),
    ],
)
def test_a_tensor_degree_that_divides_something_not_names_it_and_the_nearest(
    model: Model, tensor: int, expected: str
) -> None:
    assert refusal(check_tensor, model, tensor) == f"parallelism.tensor: {expected}"


@given(
    kv_heads=st.sampled_from([1, 2, 3, 6, 8]),
    queries=st.sampled_from([1, 4, 6]),
    ffn=st.sampled_from([96, 100, 4096]),
    tensor=st.integers(1, 80),
)
def test_the_nearest_tensor_degrees_are_accepted_and_none_lies_between(
    kv_heads: int, queries: int, ffn: int, tensor: int
) -> None:
    model = grouped(kv_heads * queries, kv_heads, ffn)
    try:
        check_tensor(model, tensor)
    except LayoutError as error:
        nearest = numbers_after("that does", str(error))
        for degree in range(min(nearest), max(nearest) + 1):
            if degree in nearest:
                check_tensor(model, degree)
            else:
                refusal(check_tensor, model, degree)
    else:
        assert model.heads % tensor == 0


@given(batch=st.integers(1, 500), data=st.integers(1, 30), micro=st.integers(1, 4))
def test_the_nearest_batches_are_accepted(batch: int, data: int, micro: int) -> None:
    assume(batch % (data * micro))
    asked, layout = replace(BATCH, global_batch=batch, micro_batch=micro), Layout(data=data)
    message = refusal(check_batch, asked, layout)
    if batch % data:
        assert message.startswith("training.global_batch: ")
        for nearest in numbers_after("that is", message):
            check_batch(replace(asked, global_batch=nearest), layout)
            assert abs(nearest - batch) < data * micro
    else:
        assert message.startswith("training.micro_batch: ")
        for nearest in numbers_after("that does", message):
            check_batch(replace(asked, micro_batch=nearest), layout)


def test_no_more_layers_are_recomputed_than_a_chunk_holds() -> None:
    model, layout = gpt(layers=16, hidden=512, heads=8), Layout(pipeline=4)
    full = replace(BATCH, recompute="full", recompute_layers=4)
    check_stages(model, full, layout)
    message = refusal(check_stages, model, replace(full, recompute_layers=5), layout)
    assert message.startswith(
        "training.recompute.layers: got 5 of each chunk, but none holds more than 4; nearest is 4"
    )


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (Layout(context=3), "128 is no multiple of the 6 pieces"),
        (Layout(context=64, tensor=2, sequence_parallel=True), "128 is no multiple of the 256 pieces"),
    ],
)
def test_a_sequence_that_ranks_cannot_divide_names_the_nearest(layout: Layout, expected: str) -> None:
    model = gpt(layers=8, hidden=512, heads=8)
    message = refusal(check_sequence, model, BATCH, layout)
    assert expected in message
    for length in numbers_after("that is", message):
        check_sequence(model, replace(BATCH, sequence_length=length), layout)


def test_an_exchange_of_heads_needs_whole_heads_on_every_rank() -> None:
    layout = Layout(tensor=2, context=8, context_exchange="all-to-all")
    model = gpt(layers=8, hidden=512, heads=8)
    assert refusal(check_sequence, model, BATCH, layout) == (
        "parallelism.context: 8 does not divide the 4 heads of a GPU, which context_exchange 'all-to-all' exchanges; "
        "nearest that does: 4"
    )
    check_sequence(model, BATCH, replace(layout, context=4))
    check_sequence(model, BATCH, replace(layout, context_exchange="ring"))


CHUNKS = {kind: (schedule.chunks or 2) for kind, schedule in SCHEDULES.items()}


@given(kind=st.sampled_from(sorted(SCHEDULES)), layers=st.integers(1, 40), stages=st.integers(1, 50), data=st.data())
def test_only_a_chunk_without_work_is_refused_and_the_nearest_is_accepted(
    kind: str, layers: int, stages: int, data: st.DataObject
) -> None:
    chunks = SCHEDULES[kind].chunks or data.draw(st.integers(1, 12))
    stages += stages % 2 if kind == "dualpipe" else 0
    model = gpt(layers=layers, hidden=512, heads=8)
    batch = replace(BATCH, global_batch=256)
    layout = Layout(pipeline=stages, schedule=Schedule(kind=kind, chunks=chunks))
    places = stages if kind == "dualpipe" else stages * chunks
    if places <= layers + 2:
        check_stages(model, batch, layout)
        return
    message = refusal(check_stages, model, batch, layout)
    if "none with this schedule" in message:
        assert layers + 2 < (2 if kind == "dualpipe" else chunks)
        return
    (nearest,) = numbers_after("that they fill", message)
    if message.startswith("parallelism.schedule.chunks"):
        check_stages(model, batch, replace(layout, schedule=Schedule(kind=kind, chunks=nearest)))
        refusal(check_stages, model, batch, replace(layout, schedule=Schedule(kind=kind, chunks=nearest + 1)))
    else:
        check_stages(model, batch, replace(layout, pipeline=nearest))


@pytest.mark.parametrize(
    ("preset", "stages", "chunks", "expected"),
    [("llama3-405b", 16, 4, 126), ("llama3-405b", 16, 8, 126), ("deepseek-v3", 16, 1, 61), ("deepseek-v3", 16, 3, 61)],
)
def test_stages_may_be_uneven(preset: str, stages: int, chunks: int, expected: int) -> None:
    model = catalog.model(preset)
    kind = "interleaved" if chunks > 1 else "1f1b"
    check_stages(model, BATCH, Layout(pipeline=stages, schedule=Schedule(kind=kind, chunks=chunks)))
    dealt = deal_layers(model.layers, stages, chunks)
    by_chunk = [chunk.layers for stage in dealt for chunk in stage]
    assert sum(by_chunk) == expected
    assert all(chunk.layers or chunk.embedding or chunk.head for stage in dealt for chunk in stage)
    assert max(by_chunk) - sorted(by_chunk)[2] <= 1
    by_stage = [sum(chunk.layers + chunk.embedding + chunk.head for chunk in stage) for stage in dealt]
    assert max(by_stage) - min(by_stage) <= 1


@pytest.mark.parametrize("kind", ["dualpipe", "dualpipev"])
def test_dualpipe_asks_for_two_microbatches_a_stage(kind: str) -> None:
    model = gpt(layers=16, hidden=512, heads=8)
    said = refusal(check_stages, model, replace(BATCH, global_batch=14), stages_of(kind, 8))
    assert f"{kind} runs 2 microbatches a stage at least, got 14 on 8 stages" in said
    assert "global_batch = 16" in said
    check_stages(model, replace(BATCH, global_batch=16), stages_of(kind, 8))


@pytest.mark.parametrize("kind", sorted(kind for kind in SCHEDULES if not SCHEDULES[kind].least))
def test_a_schedule_runs_with_fewer_microbatches_than_stages(kind: str) -> None:
    """Other kinds need not as many microbatches as stages: orders are cut down to those there are."""
    check_stages(gpt(layers=16, hidden=512, heads=8), replace(BATCH, global_batch=2), stages_of(kind, 8))
    pipeline = pipeline_of(PipelineKey(kind, 8, 2, CHUNKS[kind]))
    assert all(len(order) > 0 for order in pipeline.order)


def stages_of(kind: str, stages: int) -> Layout:
    return Layout(pipeline=stages, schedule=Schedule(kind=kind, chunks=CHUNKS[kind]))


@pytest.mark.parametrize(
    ("stages", "batch", "expected"),
    [
        (3, 16, "even number of stages, got 3; nearest: 2 or 4"),
        (4, 9, "even number of microbatches, got 9; nearest: 8"),
    ],
)
def test_dualpipe_needs_two_halves(stages: int, batch: int, expected: str) -> None:
    model = gpt(layers=16, hidden=512, heads=8)
    assert expected in refusal(check_stages, model, replace(BATCH, global_batch=batch), stages_of("dualpipe", stages))
