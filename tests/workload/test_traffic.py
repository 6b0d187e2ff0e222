"""What a step sends and how that becomes the times of a plan: bytes by hand, through a network that records."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sim import catalog
from sim.catalog.records import Model
from sim.cluster.placement import groups
from sim.cluster.records import CollectiveCost, GpuArray
from sim.errors import LayoutError
from sim.workload.build import BuiltStep, build_step
from sim.workload.examples import gpt, plain_stack
from sim.workload.kernels import memory_time_s
from sim.workload.layout import Batch, Layout, Schedule
from sim.workload.memory import RESERVED_BYTES
from sim.workload.transformer import total_parameters

MODEL = gpt(layers=8, hidden=512, heads=8, vocab=1024, tied=False)
BATCH = Batch(sequence_length=128, global_batch=16)
ACCELERATOR = catalog.accelerator("h100-sxm")


class Recorder:
    """A network that takes a second for every gigabyte (as nccl-tests counts) and remembers what it carried."""

    def __init__(self, bottleneck: str = "nic") -> None:
        self.asked: set[tuple[str, tuple[int, ...], float]] = set()
        self.bottleneck = bottleneck

    def cost(self, kind: str, groups: GpuArray, size_bytes: float) -> CollectiveCost:
        self.asked.add((kind, groups.shape, size_bytes))
        return CollectiveCost(
            time_s=size_bytes * 1e-9,
            busbw_bytes_per_s=1e9,
            algorithm="ring",
            bottleneck=self.bottleneck,
            load=1.0,
            lower_bound_s=0.0,
        )

    def times(self, kind: str, groups: GpuArray, size_bytes: float) -> NDArray[np.float64]:
        return np.full(groups.shape[0], self.cost(kind, groups, size_bytes).time_s)


def built(layout: Layout, network: Recorder, model: Model = MODEL, **stack: float) -> BuiltStep:
    software = replace(plain_stack(flash=True), **stack)  # type: ignore[arg-type]
    ranks = np.arange(layout.gpus)
    members = groups(
        layout.tensor,
        layout.pipeline,
        layout.data,
        ranks,
        context=layout.context,
        shard=layout.shard,
        mirrored=layout.schedule.kind == "dualpipe",
    )
    return build_step(model, BATCH, layout, ACCELERATOR, software, members, network, node_gpus=1)


def carried(network: Recorder, kind: str) -> set[float]:
    return {size for asked, _, size in network.asked if asked == kind}


WEIGHTS = 12 * 512**2
NORMS, TABLE = 2 * 512, 512 * 1024


def test_ddp_all_reduces_every_gradient_and_gathers_nothing() -> None:
    network = Recorder()
    step = built(Layout(data=4), network)
    assert carried(network, "all-reduce") == {4.0 * total_parameters(MODEL)}
    assert carried(network, "all-gather") == carried(network, "reduce-scatter") == set()
    ((blocks,),) = step.plan.blocks
    assert blocks.gather_ns == (0,)
    assert blocks.reduce_ns == (round(4.0 * total_parameters(MODEL)),)


@pytest.mark.parametrize("sharding", ["zero1", "zero2"])
def test_sharding_reduce_scatters_gradients_and_gathers_weights(sharding: str) -> None:
    network = Recorder()
    built(Layout(data=4, sharding=sharding), network)
    assert carried(network, "reduce-scatter") == {4.0 * total_parameters(MODEL)}
    assert carried(network, "all-gather") == {2.0 * total_parameters(MODEL)}
    assert carried(network, "all-reduce") == set()


def test_large_layers_are_gathered_and_reduced_by_themselves() -> None:
    network = Recorder()
    model = gpt(layers=8, hidden=2048, heads=8, vocab=1024, tied=False)
    step = built(Layout(data=4, sharding="zero1"), network, model)
    layer = 12 * 2048**2 + 2 * 2048
    table = 2048 * 1024
    assert carried(network, "reduce-scatter") == {4.0 * layer, 4.0 * (layer + table), 4.0 * (layer + table + 2048)}
    assert carried(network, "all-gather") == {2.0 * layer, 2.0 * (layer + table), 2.0 * (layer + table + 2048)}
    ((blocks,),) = step.plan.blocks
    assert sum(blocks.reduce_ns) == 2 * sum(blocks.gather_ns) == 4 * total_parameters(model)


def test_each_stage_reduces_its_own_part() -> None:
    network = Recorder()
    built(Layout(data=2, pipeline=4, sharding="zero1"), network)
    layers = 2 * (WEIGHTS + NORMS)
    assert carried(network, "reduce-scatter") == {4.0 * (layers + TABLE), 4.0 * layers, 4.0 * (layers + TABLE + 512)}


def test_tensor_parallelism_moves_the_activations_and_divides_the_rest() -> None:
    network = Recorder()
    built(Layout(tensor=4, pipeline=2, data=2, sharding="zero1", sequence_parallel=True), network)
    activations = 2.0 * 128 * 512
    assert (("all-gather", (4, 4), activations)) in network.asked
    assert carried(network, "p2p") == {activations / 4}
    stage = 4 * (WEIGHTS / 4 + NORMS)
    assert carried(network, "reduce-scatter") == {4.0 * (stage + TABLE / 4), 4.0 * (stage + TABLE / 4 + 512)}
    assert ("p2p", (8, 2), activations / 4) in network.asked


def test_exposed_tensor_time_is_what_the_stack_does_not_hide() -> None:
    layout = Layout(tensor=4, sequence_parallel=True)

    def exposed(overlap: float) -> int:
        plan = built(layout, Recorder(), tensor_overlap=overlap).plan
        return plan.forward[0][0].state_ns["comm_tensor"] + plan.backward[0][0].state_ns["comm_tensor"]

    # 4 + 6 a layer, embedding 1 + 1, head 1 + 2; each takes 131 us.
    whole = (8 * 10 + 5) * 2.0 * 128 * 512
    assert exposed(0.0) == pytest.approx(whole, abs=2)
    assert exposed(0.75) == pytest.approx(whole / 4, abs=2)


def test_without_sequence_parallelism_a_stage_gathers_what_it_receives() -> None:
    network = Recorder()
    plan = built(Layout(tensor=4, pipeline=2), network).plan
    unit = 2.0 * 128 * 512
    forward = [row[0].state_ns["comm_tensor"] for row in plan.forward]
    backward = [row[0].state_ns["comm_tensor"] for row in plan.backward]
    # 2 all-reduces a layer; the embedding ends with one; the second stage gathers its input (half of one).
    assert forward == pytest.approx([(8 + 1) * unit, (8 + 0.5) * unit], abs=1)
    assert backward == pytest.approx([(8 + 0.5) * unit, (8 + 1) * unit], abs=1)


def test_the_optimizer_moves_30_bytes_a_parameter_of_its_shard() -> None:
    whole = built(Layout(data=4), Recorder()).plan.optimizer_ns[0]
    shard = built(Layout(data=4, sharding="zero1"), Recorder()).plan.optimizer_ns[0]
    size = total_parameters(MODEL) * 30.0
    assert whole == round(memory_time_s(ACCELERATOR, size) * 1e9)
    assert shard == round(memory_time_s(ACCELERATOR, size / 4) * 1e9)


def test_memory_of_a_stage_by_hand() -> None:
    (memory,) = built(Layout(data=4, sharding="zero1"), Recorder()).memory
    parameters = total_parameters(MODEL)
    assert memory.parameters == 2 * parameters
    assert memory.gradients == 4 * parameters
    assert memory.optimizer == 12 * parameters / 4
    # One microbatch in flight: 8 layers of 32 h bytes a token (34 h less two dropout masks of a byte).
    assert memory.activations == 8 * 128 * 32 * 512
    widest = 4 * 512
    assert memory.buffers == RESERVED_BYTES + max(2 * 2 * 128 * (512 + widest), 10 * 128 * 1024)


def test_the_nic_is_shared_only_where_both_leave_the_domain() -> None:
    layout = Layout(pipeline=2, data=2, sharding="zero1")
    assert built(layout, Recorder("nic")).plan.nic_share == pytest.approx(1.0)
    assert built(layout, Recorder("scale-up")).plan.nic_share == 0.0
    assert built(Layout(data=2), Recorder("nic")).plan.nic_share == 0.0


def test_the_slow_down_follows_from_the_channels_of_the_collective() -> None:
    assert built(Layout(data=4), Recorder()).plan.slowdown == pytest.approx(132 / 128)


def test_layouts_that_divide_nothing_are_refused_with_the_nearest() -> None:
    with pytest.raises(LayoutError, match=r"tensor: 3 does not divide model.heads = 8; nearest that does: 2 or 4"):
        built(Layout(tensor=3), Recorder())
    with pytest.raises(LayoutError, match=r"global_batch: 16 is no multiple of .* = 3; nearest that is: 15 or 18"):
        built(Layout(data=3), Recorder())
    with pytest.raises(LayoutError, match=r"more than the 8 layers with .*; nearest that they fill: 2"):
        built(Layout(pipeline=4, schedule=Schedule(kind="interleaved", chunks=4)), Recorder())


def test_context_parallelism_divides_tokens_and_exchanges_keys_and_values() -> None:
    network = Recorder()
    whole, cut = built(Layout(), Recorder()), built(Layout(context=4, sharding="zero1"), network)
    keys_and_values = 2.0 * 2 * 128 * 512
    assert ("all-gather", (1, 4), keys_and_values) in network.asked
    # Weights are the same on every rank: gradients are reduced over the context group as well.
    assert carried(network, "reduce-scatter") == {4.0 * total_parameters(MODEL)}
    assert cut.plan.forward[0][0].flop == pytest.approx(whole.plan.forward[0][0].flop / 4)
    assert cut.plan.backward[0][0].flop == pytest.approx(whole.plan.backward[0][0].flop / 4)
    assert cut.memory[0].activations == whole.memory[0].activations / 4
    assert cut.memory[0].optimizer == whole.memory[0].optimizer / 4


def test_gathered_keys_and_values_are_exposed_and_a_ring_hides_behind_attention() -> None:
    layout = Layout(context=4)

    def exposed(ring: bool) -> tuple[int, int]:
        plan = built(layout, Recorder(), context_ring=ring).plan
        return plan.forward[0][0].state_ns["comm_context"], plan.backward[0][0].state_ns["comm_context"]

    exchange = 2.0 * 2 * 128 * 512
    # One a layer forward; gathered again and reduced backward.
    assert exposed(ring=False) == pytest.approx((8 * exchange, 8 * 2 * exchange), abs=1)
    forward, backward = exposed(ring=True)
    assert 0 < forward < 8 * exchange
    assert 0 < backward < 8 * 2 * exchange


def test_a_sequence_that_context_ranks_cannot_share_evenly_is_refused() -> None:
    with pytest.raises(LayoutError, match=r"128 is no multiple of the 6 pieces .*; nearest that is: 126 or 132"):
        built(Layout(context=3), Recorder())
