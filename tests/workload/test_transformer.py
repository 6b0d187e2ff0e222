"""FLOP, parameters and traffic of a Megatron-style GPT against published closed forms."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import catalog
from sim.workload.examples import gpt, plain_stack
from sim.workload.layers import head_backward, head_forward, layer_backward, layer_forward
from sim.workload.layout import Batch, Layout
from sim.workload.operations import Machine, kernel_flop, kernel_time_s
from sim.workload.traffic import boundary_bytes, tensor_bytes
from sim.workload.transformer import attended_share, matmul_parameters, model_flop_per_token, total_parameters

STACK = plain_stack()
shapes = st.tuples(st.integers(1, 8), st.sampled_from([8, 64, 128]), st.sampled_from([16, 256]), st.integers(8, 900))


@given(shapes)
def test_model_flop_of_a_gpt(shape: tuple[int, int, int, int]) -> None:
    layers, h, s, vocab = shape
    model = gpt(layers=layers, hidden=h, heads=2, vocab=vocab)
    published = 72 * layers * h**2 * (1 + s / (6 * h) + vocab / (12 * h * layers))
    assert model_flop_per_token(model, s, causal=False) == pytest.approx(published, rel=1e-12)
    assert model_flop_per_token(model, s) == pytest.approx(published - 6 * layers * s * h, rel=1e-12)


@pytest.mark.parametrize("recompute", ["none", "selective", "full"])
@given(shapes)
def test_executed_flop_kernel_by_kernel(recompute: str, shape: tuple[int, int, int, int]) -> None:
    layers, h, s, vocab = shape
    model, layout = gpt(layers=layers, hidden=h, heads=2, vocab=vocab), Layout()
    batch = Batch(sequence_length=s, global_batch=1, recompute=recompute)

    def flop(kernels: tuple) -> float:
        return sum(kernel_flop(model, batch, layout, kernel) for kernel in kernels)

    forward = flop(layer_forward(model, batch, layout, STACK).kernels)
    backward = flop(layer_backward(model, batch, layout, STACK).kernels)
    head = flop(
        (*head_forward(model, batch, layout, STACK).kernels, *head_backward(model, batch, layout, STACK).kernels)
    )
    again = {"none": 0, "selective": 4 * s, "full": 24 * h + 4 * s}[recompute]
    assert forward == pytest.approx(s * h * (24 * h + 4 * s))
    assert backward == pytest.approx(s * h * (24 * h + 8 * s) + s * h * 24 * h + s * h * again)
    assert head == pytest.approx(6 * s * h * vocab)
    if recompute == "full":
        hardware = 96 * layers * s * h**2 * (1 + s / (6 * h) + vocab / (16 * h * layers))
        assert layers * (forward + backward) + head == pytest.approx(hardware)


@pytest.mark.parametrize("tensor", [2, 4])
def test_tensor_parallelism_divides_the_flop(tensor: int) -> None:
    model, batch = gpt(layers=1, hidden=64, heads=4), Batch(sequence_length=32, global_batch=1)

    def flop(layout: Layout) -> float:
        return sum(kernel_flop(model, batch, layout, k) for k in layer_forward(model, batch, layout, STACK).kernels)

    assert flop(Layout(tensor=tensor)) * tensor == flop(Layout())


@pytest.mark.parametrize(("precision", "element"), [("bf16", 2.0), ("fp8", 1.0), ("mxfp8", 33 / 32), ("nvfp4", 9 / 16)])
def test_low_precision_casts_inputs_and_gradients_of_products(precision: str, element: float) -> None:
    """h = 64, s = 32, f = 4 h: inputs of qkv and up by the norm, of out and down by a pass; all gradients by a pass."""
    h, s = 64, 32
    model, batch = gpt(layers=1, hidden=h, heads=4), Batch(sequence_length=s, global_batch=1, precision=precision)

    def cast_bytes(kernels: tuple) -> float:
        return sum(kernel.size_bytes for kernel in kernels if kernel.name == "cast")

    forward = cast_bytes(layer_forward(model, batch, Layout(), STACK).kernels)
    backward = cast_bytes(layer_backward(model, batch, Layout(), STACK).kernels)
    if precision == "bf16":
        assert (forward, backward) == (0, 0)
    else:
        assert forward == s * (2 * h * 2 * element + (h + 4 * h) * (2 + 2 * element))
        assert backward == s * (3 * h + h + 4 * h + h) * (2 + 2 * element)


def test_the_head_stays_in_16_bit() -> None:
    # Levels are of the whole step's precision.
    gpu = replace(catalog.accelerator("h100-sxm"), sustained={})
    model, layout = gpt(layers=1, hidden=4096, heads=32, vocab=51_200), Layout()
    times = []
    for precision in ("bf16", "fp8"):
        batch = Batch(sequence_length=2048, global_batch=1, precision=precision)
        machine = Machine(
            accelerator=gpu, software=STACK, batch=batch, model=model, layout=layout, tensor_collective_s=0.0
        )
        (head,) = (kernel for kernel in head_forward(model, batch, layout, STACK).kernels if kernel.name == "head")
        times.append(kernel_time_s(machine, head))
    assert times[0] == times[1]


def test_collectives_of_a_layer() -> None:
    model, batch = gpt(layers=1, hidden=64, heads=4), Batch(sequence_length=32, global_batch=1)
    sharded = Layout(tensor=4, sequence_parallel=True)
    for layout, forward, backward in ((Layout(), 0, 0), (Layout(tensor=4), 2, 2), (sharded, 4, 6)):
        assert layer_forward(model, batch, layout, STACK).collectives == forward
        assert layer_backward(model, batch, layout, STACK).collectives == backward
    full = Batch(sequence_length=32, global_batch=1, recompute="full")
    assert layer_backward(model, full, Layout(tensor=4), STACK).collectives == 4


def test_traffic_of_a_microbatch() -> None:
    model, batch = gpt(layers=1, hidden=64), Batch(sequence_length=32, global_batch=4, micro_batch=2)
    assert tensor_bytes(model, batch, Layout()) == 2 * 2 * 32 * 64
    assert boundary_bytes(model, batch, Layout(tensor=4)) == 32 * 64


def test_parameters_of_gpt3_175b() -> None:
    model = gpt(layers=96, hidden=12288, heads=96, vocab=51200)
    assert total_parameters(model) == pytest.approx(174.6e9, rel=1e-3)
    assert matmul_parameters(model) == 12 * 96 * 12288**2 + 12288 * 51200


def test_a_window_of_the_whole_sequence_changes_nothing() -> None:
    model = gpt(layers=2, hidden=64, heads=4)
    windowed = replace(model, sliding_window=512, windowed_layers=2)
    assert model_flop_per_token(windowed, 512) == model_flop_per_token(model, 512)


def test_a_window_leaves_the_scores_of_a_band() -> None:
    """s = 8, w = 3: 1 + 2 + 3 x 6 keys, less half of the diagonal as in s^2 / 2: (w s - w^2 / 2) / (s^2 / 2)."""
    windowed = replace(gpt(layers=2, hidden=64), sliding_window=3, windowed_layers=2)
    assert attended_share(windowed, 8) == (3 * 8 - 4.5) / 32


def test_a_parallel_block_meets_its_tensor_group_once() -> None:
    model, batch = gpt(layers=1, hidden=64, heads=4), Batch(sequence_length=32, global_batch=1)
    parallel = replace(model, parallel_block=True)
    for layout, forward, backward in ((Layout(tensor=4), 1, 1), (Layout(tensor=4, sequence_parallel=True), 2, 3)):
        assert layer_forward(parallel, batch, layout, STACK).collectives == forward
        assert layer_backward(parallel, batch, layout, STACK).collectives == backward
    names = [kernel.name for kernel in layer_forward(parallel, batch, Layout(), STACK).kernels]
    assert (names.count("norm"), names.count("residual")) == (1, 1)
