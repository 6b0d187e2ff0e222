"""Memory cells of Korthikanti et al. (arXiv 2205.05198) and what the schedules keep in flight."""

from dataclasses import replace

import pytest

from sim.errors import DoesNotFitError
from sim.workload.activations import layer_activation_bytes
from sim.workload.examples import gpt, plain_stack
from sim.workload.layout import Batch, Layout, Schedule
from sim.workload.memory import check_memory, stage_memory
from sim.workload.pipelines import PipelineKey, peak_in_flight, pipeline_of

GIB = 2**30

TABLE = [
    # layers hidden heads pp v b; GiB without recomputation (TP), selective + SP, parameters + optimizer
    ("22B", 48, 6144, 64, 1, 1, 4, 59.2500, 9.5625, 45.5625),
    ("175B", 96, 12288, 96, 8, 3, 1, 66.8438, 12.3516, 45.5625),
    ("530B", 105, 20480, 128, 35, 3, 1, 114.0234, 23.0762, 31.6406),
    ("1T", 128, 25600, 160, 64, 1, 1, 131.2500, 26.5625, 32.9590),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_activations_and_state_of_the_first_stage(row: tuple) -> None:
    _, layers, hidden, heads, p, v, b, plain_gib, selective_gib, state_gib = row
    model = gpt(layers=layers, hidden=hidden, heads=heads)
    microbatches = 4 * p
    kind = "interleaved" if v > 1 else "1f1b"
    first = pipeline_of(PipelineKey(kind, p, microbatches, v)).order[0]
    in_flight = peak_in_flight(first, [layers / p / v] * v)
    batch = Batch(sequence_length=2048, global_batch=b, micro_batch=b)

    def gib(batch: Batch, layout: Layout) -> float:
        return in_flight * layer_activation_bytes(model, batch, layout, flash=False, dropout=True) / GIB

    plain = gib(batch, Layout(tensor=8))
    selective = gib(replace(batch, recompute="selective"), Layout(tensor=8, sequence_parallel=True))
    assert plain == pytest.approx(plain_gib, abs=6e-5)
    assert selective == pytest.approx(selective_gib, abs=6e-5)
    assert 18 * 12 * layers * hidden**2 / (8 * p) / GIB == pytest.approx(state_gib, abs=6e-5)


def test_activation_bytes_by_recomputation() -> None:
    h, a, s, t = 64, 4, 32, 2
    model, unit = gpt(layers=1, hidden=h, heads=a), s * h
    base = Batch(sequence_length=s, global_batch=1)
    sharded = Layout(tensor=t, sequence_parallel=True)

    def per_token(layout: Layout, recompute: str = "none") -> float:
        batch = replace(base, recompute=recompute)
        return layer_activation_bytes(model, batch, layout, flash=False, dropout=True) / unit

    assert per_token(Layout()) == 34 + 5 * a * s / h
    assert per_token(Layout(tensor=t)) == 10 + 24 / t + 5 * a * s / (h * t)
    assert per_token(sharded) == (34 + 5 * a * s / h) / t
    assert per_token(sharded, "selective") == 34 / t
    assert per_token(Layout(), "full") == 2


@pytest.mark.parametrize(("p", "m", "v"), [(2, 4, 1), (4, 16, 1), (4, 16, 2), (8, 32, 3), (16, 16, 8)])
def test_microbatches_in_flight(p: int, m: int, v: int) -> None:
    first = pipeline_of(PipelineKey("interleaved" if v > 1 else "1f1b", p, m, v)).order[0]
    expected = p if v == 1 else p * (1 + (p - 1) / (p * v))
    assert peak_in_flight(first, [1 / v] * v) == pytest.approx(min(expected, m))
    assert peak_in_flight(pipeline_of(PipelineKey("gpipe", p, m, 1)).order[0], [1.0]) == m


def test_sharding_divides_the_optimizer() -> None:
    model, stack = gpt(layers=4, hidden=512, heads=8, vocab=1024), plain_stack(flash=True)
    batch = Batch(sequence_length=128, global_batch=8)

    def optimizer_bytes(sharding: str) -> float:
        layout = Layout(pipeline=2, data=4, sharding=sharding, schedule=Schedule())
        return stage_memory(model, batch, layout, stack)[0].optimizer

    assert optimizer_bytes("ddp") == pytest.approx(4 * optimizer_bytes("zero1"))
    assert optimizer_bytes("zero2") == optimizer_bytes("zero1")


def test_a_model_that_does_not_fit_is_refused_with_what_would() -> None:
    model, stack = gpt(layers=8, hidden=4096, heads=32, vocab=32000), plain_stack(flash=True)
    batch, layout = Batch(sequence_length=4096, global_batch=16, micro_batch=2), Layout(pipeline=2, data=4)
    memory = stage_memory(model, batch, layout, stack)
    peak = max(stage.total for stage in memory)
    check_memory(memory, model, batch, layout, stack, peak)
    with pytest.raises(DoesNotFitError) as refused:
        check_memory(memory, model, batch, layout, stack, 0.9 * peak)
    message = str(refused.value)
    assert f"{0.1 * peak / 1e9:.1f} GB too much" in message
    assert "training.micro_batch = 1" in message
    assert 'sharding = "zero1"' in message
    with pytest.raises(DoesNotFitError, match="would fit: no single change"):
        check_memory(memory, model, batch, layout, stack, 1e9)
