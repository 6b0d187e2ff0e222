"""Zero-bubble schedules through the step engine: Tables 5 and 9 of arXiv 2401.10241, bubbles by formula, memory."""

import pytest

from sim.engine.stages.profile import replica_states
from sim.engine.step import simulate_step
from sim.workload.pipelines import PipelineKey, peak_in_flight, pipeline_of
from sim.workload.step_plan import StepPlan
from tests.engine.plans import uniform_plan

# model, p, m; F, B, W, c in microseconds; bubble rates of zb-h1, zb-h2, zb-1p, zb-2p.
TABLE_5 = [
    ("1.5B", 8, 24, 18522, 18086, 9337, 601, 0.1585, 0.1083, 0.1585, 0.0433),
    ("1.5B", 8, 32, 18513, 18086, 9331, 626, 0.1242, 0.0837, 0.1242, 0.0039),
    ("1.5B", 8, 64, 18546, 18097, 9321, 762, 0.0674, 0.0444, 0.0674, 0.0026),
    ("14.6B", 16, 48, 11347, 11248, 8132, 377, 0.1397, 0.0672, 0.1397, 0.0066),
    ("14.6B", 16, 64, 11307, 11254, 8101, 379, 0.1088, 0.0516, 0.1088, 0.0054),
    ("14.6B", 16, 128, 11325, 11308, 8109, 378, 0.0576, 0.0266, 0.0576, 0.0028),
]
WEIGHT_SHARE = 32 / 74
"""M_W over M_B = 32 h over 34 h + 5 a s, of both models: 5 a s / h = 40."""


def span_ns(plan: StepPlan) -> int:
    """Longest time from a stage's own start to its own end: the paper's cost."""
    return max(stage.ends[-1] - stage.starts[0] for stage in simulate_step(plan).stages)


@pytest.mark.parametrize("row", TABLE_5, ids=lambda row: f"{row[0]}-m{row[2]}")
def test_bubble_rates_of_table_5(row: tuple[str, int, int, int, int, int, int, float, float, float, float]) -> None:
    _, p, m, f, b, w, c, *rates = row
    found = {}
    for kind in ("zb-h1", "zb-h2", "zb-1p", "zb-2p"):
        plan = uniform_plan(
            kind,
            stages=p,
            microbatches=m,
            forward_ns=f,
            backward_ns=b,
            weight_ns=w,
            weight_share=WEIGHT_SHARE,
            message_ns=c,
        )
        found[kind] = 1 - m * (f + b + w) / span_ns(plan)
    assert found["zb-h1"] == pytest.approx(rates[0], abs=6e-5)
    assert found["zb-h2"] == pytest.approx(rates[1], abs=6e-5)
    assert found["zb-1p"] == pytest.approx(rates[2], abs=6e-5)
    assert found["zb-2p"] <= rates[3] + 5e-4


@pytest.mark.parametrize(("p", "m"), [(2, 4), (4, 8), (4, 16), (8, 24)])
@pytest.mark.parametrize(("f", "b", "w"), [(600, 600, 600), (600, 700, 300), (900, 600, 500)])
def test_the_bubbles_of_zb_h1_and_zb_h2(p: int, m: int, f: int, b: int, w: int) -> None:
    def plan(kind: str) -> StepPlan:
        return uniform_plan(kind, stages=p, microbatches=m, forward_ns=f, backward_ns=b, weight_ns=w)

    timeline = simulate_step(plan("zb-h1"))
    assert timeline.step_ns - m * (f + b + w) == (p - 1) * (f + b - w)
    states = replica_states(timeline)
    assert states["bubble"] + states["imbalance"] == p * (p - 1) * (f + b - w)
    assert span_ns(plan("zb-h2")) - m * (f + b + w) == (p - 1) * (f + b - 2 * w)


@pytest.mark.parametrize(("p", "m"), [(1, 2), (2, 4), (4, 8), (8, 16)])
def test_zb_v_has_no_bubble_where_all_passes_take_the_same(p: int, m: int) -> None:
    plan = uniform_plan("zb-v", stages=p, microbatches=m, chunks=2, forward_ns=600, backward_ns=600, weight_ns=600)
    assert span_ns(plan) == m * 1800
    assert simulate_step(plan).events == 3 * 2 * p * m


@pytest.mark.parametrize(("kind", "p", "m", "peak"), [("zb-h1", 4, 12, 4), ("zb-h2", 4, 12, 7), ("zb-v", 4, 12, 4)])
def test_peak_activations_of_the_first_stage(kind: str, p: int, m: int, peak: float) -> None:
    chunks = 2 if kind == "zb-v" else 1
    order = pipeline_of(PipelineKey(kind, p, m, chunks)).order
    assert peak_in_flight(order[0], [1 / chunks] * chunks, weight_share=1.0) == pytest.approx(peak)
