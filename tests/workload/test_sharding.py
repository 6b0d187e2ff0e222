"""What each kind of sharding moves and holds, by hand."""

import numpy as np
import pytest

from sim.cluster.placement import groups
from sim.errors import DoesNotFitError, LayoutError
from sim.workload.examples import gpt, plain_stack
from sim.workload.layout import Batch, Layout, Schedule
from sim.workload.memory import check_memory, stage_memory
from sim.workload.profile import StageMemory
from tests.workload.test_traffic import MODEL, NORMS, TABLE, WEIGHTS, Recorder, built, carried

LAYER = WEIGHTS + NORMS
FIRST, LAST = LAYER + TABLE, LAYER + TABLE + 512
WHOLE = 6 * LAYER + FIRST + LAST


def test_zero3_gathers_and_reduces_each_layer_by_itself() -> None:
    network = Recorder()
    plan = built(Layout(data=4, sharding="zero3"), network).plan
    assert carried(network, "all-gather") == {2.0 * LAYER, 2.0 * FIRST, 2.0 * LAST}
    assert carried(network, "reduce-scatter") == {4.0 * LAYER, 4.0 * FIRST, 4.0 * LAST}
    assert carried(network, "all-reduce") == set()
    assert len(plan.blocks[0][0].forward) == 8
    assert (plan.regather, plan.prefetch, plan.reduces) == (True, 1, "each")


def test_without_resharding_zero3_gathers_once() -> None:
    plan = built(Layout(data=4, sharding="zero3", reshard_after_forward=False, prefetch=2), Recorder()).plan
    assert (plan.regather, plan.prefetch, plan.reduces) == (False, 2, "each")


def test_zero3_shards_over_data_and_context() -> None:
    network = Recorder()
    built(Layout(data=4, context=2, sharding="zero3"), network)
    assert {shape for kind, shape, _ in network.asked if kind == "reduce-scatter"} == {(1, 8)}


def test_hsdp_shards_within_a_group_and_all_reduces_shards_over_its_replicas() -> None:
    network = Recorder()
    plan = built(Layout(data=8, sharding="hsdp", shard=2), network).plan
    asked = {(kind, shape) for kind, shape, _ in network.asked}
    assert asked == {("all-gather", (4, 2)), ("reduce-scatter", (4, 2)), ("all-reduce", (2, 4))}
    assert carried(network, "all-reduce") == {4.0 * size / 2 for size in (LAYER, FIRST, LAST)}
    # A gigabyte a second: 2 bytes gathered; 4 reduce-scattered and half of them all-reduced.
    assert plan.blocks[0][0].gather_ns[1] == 2 * LAYER
    assert plan.blocks[0][0].reduce_ns[1] == 4 * LAYER + 2 * LAYER


def test_one_shard_group_is_zero3() -> None:
    both = [built(layout, Recorder()) for layout in (Layout(data=4, sharding="zero3"), hsdp(4))]
    assert both[0].plan == both[1].plan
    assert both[0].memory == both[1].memory


def hsdp(shard: int) -> Layout:
    return Layout(data=4, sharding="hsdp", shard=shard)


def test_shard_groups_of_each_stage_stay_on_it() -> None:
    # Two stages of four replicas: ranks 0, 2, 4, 6 hold stage 0.
    found = groups(1, 2, 4, np.arange(8), shard=2)
    assert found.shard.tolist() == [[0, 2], [4, 6], [1, 3], [5, 7]]
    assert found.replicas.tolist() == [[0, 4], [2, 6], [1, 5], [3, 7]]
    whole = groups(1, 2, 4, np.arange(8))
    assert whole.shard.tolist() == whole.data.tolist()
    assert whole.replicas.shape == (8, 1)


def test_shard_groups_have_to_divide_the_replicas() -> None:
    with pytest.raises(LayoutError, match=r"parallelism\.shard: 0 does not divide data x context = 4 x 1 = 4"):
        built(hsdp(0), Recorder())
    with pytest.raises(LayoutError, match=r"parallelism\.shard: got 3, expected a divisor of the 4 GPUs"):
        groups(1, 1, 4, np.arange(4), shard=3)


def memory_of(sharding: str, **options: object) -> StageMemory:
    layout = Layout(data=4, sharding=sharding, **options)  # type: ignore[arg-type]
    batch = Batch(sequence_length=128, global_batch=16)
    return stage_memory(MODEL, batch, layout, plain_stack(flash=True))[0]


def test_what_is_held_by_kind_of_sharding() -> None:
    held = {kind: memory_of(kind) for kind in ("ddp", "zero1", "zero2", "zero3")}
    assert [held[k].optimizer for k in held] == [12 * WHOLE, 3 * WHOLE, 3 * WHOLE, 3 * WHOLE]
    assert [held[k].parameters for k in held] == [2 * WHOLE] * 3 + [2 * (WHOLE / 4 + LAST + FIRST)]
    # A whole chunk until it is reduced; of zero3 the layer in its backward and the one being reduced.
    assert [held[k].gradients for k in held] == [4 * WHOLE, 4 * WHOLE, 4 * 1.25 * WHOLE, 4 * (WHOLE / 4 + LAST + FIRST)]


def test_layers_in_flight_are_those_prefetched_and_the_one_in_use() -> None:
    shard = WHOLE / 4
    assert memory_of("zero3", prefetch=0).parameters == 2 * (shard + LAST)
    assert memory_of("zero3", prefetch=3).parameters == 2 * (shard + LAST + FIRST + 2 * LAYER)
    assert memory_of("zero3", reshard_after_forward=False).parameters == 2 * (shard + WHOLE)
    assert memory_of("hsdp", shard=2, prefetch=0).parameters == 2 * (WHOLE / 2 + LAST)


def test_zero2_of_several_chunks_holds_one_of_them_whole() -> None:
    layout = Layout(pipeline=2, data=4, sharding="zero2", schedule=Schedule(kind="interleaved", chunks=2))
    memory = stage_memory(MODEL, Batch(sequence_length=128, global_batch=16), layout, plain_stack(flash=True))
    parameters = 4 * LAYER + TABLE
    assert memory[0].gradients == 4 * (2 * LAYER + TABLE + parameters / 4)
    assert built(layout, Recorder()).plan.reduces == "turns"


def test_zero2_of_one_chunk_holds_two_buckets_whole() -> None:
    model = gpt(layers=24, hidden=2048, heads=8, vocab=1024, tied=False)
    batch = Batch(sequence_length=128, global_batch=16)
    memory = stage_memory(model, batch, Layout(data=4, sharding="zero2"), plain_stack(flash=True))[0]
    # 12 blocks of two layers; the largest hold embedding and head.
    layer, table = 12 * 2048**2 + 2 * 2048, 2048 * 1024
    assert memory.gradients == 4 * (4 * layer + 2 * table + 2048 + memory.parameters / 2 / 4)


def test_zero3_is_proposed_where_nothing_milder_fits() -> None:
    model, stack = gpt(layers=32, hidden=4096, heads=32, vocab=32000), plain_stack(flash=True)
    batch, layout = Batch(sequence_length=2048, global_batch=64), Layout(data=64, sharding="zero1")
    memory = stage_memory(model, batch, layout, stack)
    with pytest.raises(DoesNotFitError, match=r'would fit: parallelism\.sharding = "zero3"'):
        check_memory(memory, model, batch, layout, stack, 31e9)


DUALPIPE = Layout(pipeline=4, data=2, sharding="zero1", schedule=Schedule(kind="dualpipe", chunks=2))


def test_dualpipe_reduces_over_both_copies_of_a_stage() -> None:
    # Four stages of two replicas: ranks 0 and 4 hold stage 0, 3 and 7 its mirror image.
    found = groups(1, 4, 2, np.arange(8), mirrored=True)
    assert found.data.tolist() == [[0, 4, 3, 7], [1, 5, 2, 6]]
    assert found.shard.tolist() == found.data.tolist()
    network = Recorder()
    built(DUALPIPE, network)
    assert {shape for kind, shape, _ in network.asked if kind == "reduce-scatter"} == {(2, 4)}


def test_dualpipe_holds_parameters_twice_and_divides_the_optimizer_over_both_copies() -> None:
    twice = built(DUALPIPE, Recorder()).memory
    once = built(Layout(pipeline=4, data=2, sharding="zero1"), Recorder()).memory
    for stage in range(4):
        mirror = once[3 - stage].parameters
        assert twice[stage].parameters == once[stage].parameters + mirror
        assert twice[stage].optimizer == (once[stage].optimizer + once[3 - stage].optimizer) / 2


def test_two_copies_are_reduced_even_without_replicas() -> None:
    network = Recorder()
    plan = built(Layout(pipeline=4, schedule=Schedule(kind="dualpipe", chunks=2)), network).plan
    assert {shape for kind, shape, _ in network.asked if kind == "all-reduce"} == {(2, 2)}
    assert min(time for stage in plan.blocks for chunk in stage for time in chunk.reduce_ns) > 0


@pytest.mark.parametrize("sharding", ["zero3", "hsdp"])
def test_pairs_of_passes_do_not_gather_layers(sharding: str) -> None:
    layout = Layout(pipeline=2, data=2, sharding=sharding, shard=2, schedule=Schedule(kind="dualpipev", chunks=2))
    with pytest.raises(LayoutError, match="but dualpipev runs two passes as one; expected zero1 or zero2"):
        built(layout, Recorder())


def test_what_pairs_of_passes_cannot_do_is_not_proposed() -> None:
    model, stack = gpt(layers=32, hidden=4096, heads=32, vocab=32000), plain_stack(flash=True)
    batch = Batch(sequence_length=2048, global_batch=64)
    layout = Layout(pipeline=2, data=32, schedule=Schedule(kind="dualpipev", chunks=2))
    memory = stage_memory(model, batch, layout, stack)
    with pytest.raises(DoesNotFitError) as refused:
        check_memory(memory, model, batch, layout, stack, 0.9 * memory[0].total)
    assert 'sharding = "zero2"' in str(refused.value)
    assert "zero3" not in str(refused.value)
