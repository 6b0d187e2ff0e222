"""The screens of `step`, `topology` and `catalog`."""

import re
from itertools import pairwise

import pytest

from sim import catalog
from sim.catalog.assumed import OUT_OF_CLAIMS
from sim.report.batch.batch_report import results_report
from sim.report.catalog_report import entry_report, kinds_report
from sim.report.network.topology_report import topology_report
from sim.report.run.answers import step_json
from sim.report.step.step_report import step_report
from sim.report.text import ASCII, UNICODE, WIDTH
from sim.scenario import load_scenario
from sim.simulate import simulate_step_of
from tests.report.examples import step_result, topology_result


def test_a_step_is_shown_in_80_columns() -> None:
    assert max(map(len, step_report(step_result(), UNICODE).splitlines())) <= WIDTH
    assert step_report(step_result(), ASCII).isascii()


def test_a_step_names_its_heaviest_stage_by_all_its_memory() -> None:
    text = step_report(step_result(), UNICODE)
    assert "stage 0 is the heaviest, 55.0 of 80.0 GB (68.8 %)" in text
    assert "parameters 6.0, gradients 12.0, optimizer 1.0, activations 33.0, buffers 3.0" in text


def test_exposed_communication_stands_beside_its_bound() -> None:
    row = next(line for line in step_report(step_result(), UNICODE).splitlines() if line.startswith("tensor"))
    assert row.split() == [
        "tensor",
        "15.0",
        "%",
        "15.0",
        "%",
        "1.2",
        "ms",
        "1",
        "ms",
        "370",
        "GB/s",
        "ring",
        "scale-up",
    ]


def test_a_step_on_one_gpu_has_no_communication_to_show() -> None:
    assert "busbw" not in step_report(step_result() | {"communication": {}}, UNICODE)


def test_a_step_in_less_than_16_bit_shows_its_mfu_over_the_16_bit_peak_too() -> None:
    assert "bf16 peak" not in step_report(step_result(), UNICODE)
    text = step_report(step_result() | {"mfu": 0.2, "mfu_bf16_peak": 0.4}, UNICODE)
    assert "MFU, bf16 peak  40.0 %" in text


def test_a_step_says_that_it_ran_on_the_users_own_table() -> None:
    refitted = {"assumed": ["gemm.bf16: fitted: refitted to 12 products of mine.csv"]}
    text = step_report(step_result() | refitted, UNICODE)
    assert "Measured by you: gemm.bf16, refitted to 12 products of mine.csv." in text


def test_a_step_names_what_is_assumed_and_not_what_was_fitted() -> None:
    text = step_report(step_result(), UNICODE)
    assert "Assumed: gemm.fp8 (from h100-sxm fp8), hbm_efficiency." in text
    assert "Assumed" not in step_report(step_result() | {"assumed": ["gemm.bf16: fitted: cuBLAS"]}, UNICODE)


def test_a_topology_is_shown_in_80_columns() -> None:
    text = topology_report(topology_result())
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "20 = 8 leaf + 8 spine + 4 core" in text


def test_the_lines_of_the_bill_of_materials_multiply_to_its_capex() -> None:
    rows = [
        line.split() for line in topology_report(topology_result()).splitlines() if line.startswith(("switch", "cable"))
    ]
    assert [row[-1] for row in rows] == ["600,000", "24,000"]


def test_a_fabric_without_prices_has_no_capex() -> None:
    result = topology_result()
    result["bom"] = [line | {"price_usd": None} for line in result["bom"]]
    assert "Capex" in topology_report(result | {"capex_usd": None})
    assert "$" not in topology_report(result | {"capex_usd": None})


def test_packets_reach_less_than_the_fluid_by_the_band() -> None:
    asked = {"kind": "all-reduce", "algorithm": "ring", "bottleneck": "leaf-spine", "load": 1.0, "time_s": 1.0}
    asked |= {"lower_bound_s": 0.9, "packets": {"time_s": [1.125, 1.25], "kind": "assumed", "source": "none"}}
    text = topology_report(topology_result() | {"collective": asked})
    assert "packets meet incast and PFC: 36 GB/s to 40 GB/s (assumed)" in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_a_gpus_share_of_the_bisection_is_its_nic_in_a_full_fat_tree() -> None:
    assert re.search(r"a GPU's share +400 Gbit/s", topology_report(topology_result()))


@pytest.mark.parametrize("kind", catalog.KINDS)
def test_every_entry_of_the_catalog_is_shown_with_its_sources(kind: str) -> None:
    for name in catalog.names(kind):
        rows = catalog.describe(kind, name)
        text = entry_report(kind, name, rows)
        joined = " ".join(text.split())
        assert max(map(len, text.splitlines())) <= WIDTH
        assert all(row.field in joined for row in rows)
        assert all(" ".join(row.source.split()) in joined for row in rows)


def test_a_source_that_fields_share_stands_once() -> None:
    rows = catalog.describe("accelerator", "h100-sxm")
    text = entry_report("accelerator", "h100-sxm", rows)
    changes = 1 + sum(
        (a.source, a.date, a.kind, a.note) != (b.source, b.date, b.kind, b.note) for a, b in pairwise(rows)
    )
    starts = ("measured,", "published,", "derived,", "fitted,", "assumed,")
    assert sum(line.strip().startswith(starts) for line in text.splitlines()) <= changes


def test_what_no_measurement_scores_is_said_below_its_fields() -> None:
    lines = entry_report("node", "tpu-v4", catalog.describe("node", "tpu-v4")).splitlines()
    assert " ".join(" ".join(lines[-2:]).split()) == f"accuracy: {OUT_OF_CLAIMS}"
    assert "accuracy" not in entry_report("node", "dgx-h100", catalog.describe("node", "dgx-h100"))


def test_every_kind_is_listed_with_its_names() -> None:
    text = kinds_report({kind: list(catalog.names(kind)) for kind in catalog.KINDS})
    assert "dgx-h100" in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_an_anchored_step_says_what_moved() -> None:
    row = {"source": "our job", "measured_s": 2.0, "before_s": 1.8, "after_s": 2.0}
    moved = {"before": 1.0, "after": 0.9, "at_limit": False, "rows": [row]}
    shown = step_report(step_result() | {"calibration": moved}, UNICODE)
    assert "Anchored: kernel level 1.000 -> 0.900" in shown
    assert "our job: measured 2 s, simulated -10.0 %, now +0.0 %" in shown


def test_a_step_says_how_far_measured_ones_lie_from_it() -> None:
    shown = step_report(step_result(), UNICODE)
    assert "Band: 5.1 s to 6.6 s holds 80 % of measured steps (dense 16-bit, known stack)" in shown
    other = {"kind": "MoE", "familiarity": "new stack", "80": [5.1, 6.6], "95": [4.6, 7.9]}
    assert "(MoE, stack without measured steps)" in " ".join(
        step_report(step_result() | {"step_time_band": other}, UNICODE).split()
    )


def test_packets_lengthen_what_leaves_the_scale_up_domain_and_nothing_else() -> None:
    """7 to 25 % of what the step would gain without such communication; none where sharing is ideal."""
    answers = []
    for sharing in ("max-min", "ideal"):
        scenario = load_scenario("tiny", [f"cluster.network.sharing={sharing!r}"])
        answers.append(step_json(simulate_step_of(scenario), scenario))
    fluid, ideal = answers
    gained = {
        name: 1 - each / fluid["without_s"]["none"] for name, each in fluid["without_s"].items() if name != "none"
    }
    outside = sum(gained[name] for name, cost in fluid["communication"].items() if cost["bottleneck"] != "scale-up")
    assert outside > 0
    assert fluid["packets"]["step_time_s"] == pytest.approx(
        [fluid["step_time_s"] * (1 + 0.07 * outside), fluid["step_time_s"] * (1 + 0.25 * outside)]
    )
    assert ideal["packets"] is None


def test_the_means_of_a_batch_have_their_units_and_intervals_in_points() -> None:
    answer = {
        "kind": "batch",
        "status": {
            "study": "s",
            "question": "Which of two spares is " + "really " * 12 + "needed?",
            "runs": 2,
            "runs_done": 2,
            "chunks": 1,
            "chunks_done": 1,
            "failed": 0,
            "damaged": 0,
            "working": [],
            "quarantined": [],
            "second": None,
        },
        "tables": {},
        "rows": [
            {"variant": "one", "metric": "ettr", "mean": 0.78865, "ci_low": 0.58, "ci_high": 0.98426, "replicas": 4},
            {"variant": "one", "metric": "cost_usd", "mean": 2140.11, "ci_low": None, "ci_high": None, "replicas": 1},
        ],
    }
    lines = results_report(answer).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-2].split() == ["one", "ettr", "78.9", "%", "+-19.6", "points", "4"]
    assert lines[-1].split() == ["one", "cost_usd", "$2.140", "k", "1"]
