"""The measured reference: errors out of sample, peak memories, weak scaling, and all rows at once."""

import json
import math
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from sim.analysis.mapping import scenario_of_row
from sim.analysis.measurements import Measured, read_measurements
from sim.analysis.training import training_answer
from sim.analysis.validate import step_of, validate_training
from sim.workload.memory import RESERVED_BYTES
from tests.analysis.rows import row

MOST_BY_SOURCE = {"dense 16-bit": 0.10, "dense 8/4-bit": 0.09, "MoE": 0.18}
MOST_BY_SWEEP = {"dense 16-bit": 0.07, "dense 8/4-bit": 0.08, "MoE": 0.12}


@cache
def residuals() -> list[dict[str, Any]]:
    text = (files("experiments") / "reference" / "level_residuals.json").read_text(encoding="utf-8")
    return list(json.loads(text))


@cache
def rows() -> dict[str, Measured]:
    return {row.text("id"): row for row in read_measurements(None)}


@pytest.mark.parametrize(("fold", "most"), [("by_source", MOST_BY_SOURCE), ("by_sweep", MOST_BY_SWEEP)])
def test_errors_out_of_sample_are_within_the_targets(fold: str, most: dict[str, float]) -> None:
    for kind, limit in most.items():
        errors = [math.expm1(row[fold]) for row in residuals() if row["kind"] == kind]
        assert mean(map(abs, errors)) <= limit, (kind, len(errors))
        assert abs(mean(errors)) <= 0.035, kind


def peaks() -> list[tuple[str, float]]:
    """Return rows whose notes hold the peak of allocated memory, in bytes, once for each layout."""
    found: dict[float, str] = {}
    for name, measured in rows().items():
        stated = re.search(r"Peak alloc ([\d.]+) GiB", measured.text("notes"))
        if stated:
            found.setdefault(float(stated[1]) * 2**30, name)
    return [(name, size) for size, name in found.items()]


@pytest.mark.parametrize(("name", "size"), peaks())
def test_peak_memory_is_within_5_percent_of_what_was_allocated(name: str, size: float) -> None:
    profile = step_of(scenario_of_row(rows()[name]).scenario).profile
    peak = max(stage.total for stage in profile.memory)
    assert peak - RESERVED_BYTES == pytest.approx(size, rel=0.05)


def step_s(name: str) -> float:
    return step_of(scenario_of_row(rows()[name]).scenario).profile.step_time_s


def test_a_step_of_llama_70b_takes_as_long_on_2048_gpus_as_on_64() -> None:
    """Weak scaling is flat as published: batch grows with the GPUs, reductions hide behind the backward.

    What is left, 0.7 % a doubling, is that the slowest of more GPUs is slower.
    """
    shape = {"layers": "80", "hidden": "8192", "heads": "64", "kv_heads": "8", "ffn_hidden": "28672", "vocab": "128256"}
    layout = {"tp": "4", "pp": "4", "vpp": "5", "cp": "2", "seq_len": "8192", "sequence_parallel": "yes"}

    def seconds(gpus: int) -> float:
        size = {"n_gpus": str(gpus), "dp": str(gpus // 32), "global_batch": str(2 * gpus)}
        more = {"source": "2025", "schedule": "interleaved", "network": "50 GB/s/GPU"}
        return step_of(scenario_of_row(row(**shape, **layout, **size, **more)).scenario).profile.step_time_s

    times = [seconds(gpus) for gpus in (64, 256, 2048)]
    assert max(times) / min(times) < 1.04


def test_megatron_droops_when_one_batch_is_spread_over_more_gpus() -> None:
    """MegaScale's Megatron-LM rows, 256 to 1,024 GPUs: GPU-seconds a step grow by 19 %, here by 9 %.

    Reductions wait for the end of the backward. What is left is some 1.5 s of a step whatever its size, of which the
    source says nothing.
    """
    growth = step_s("megascale-175b-megatron-lm-1024") * 1024 / (step_s("megascale-175b-megatron-lm-256") * 256)
    assert 1.06 < growth < 1.25


def test_rows_that_no_level_was_fitted_to_are_predicted_as_well() -> None:
    path = Path(__file__).parents[2] / "experiments/reference/holdout.csv"
    answer = training_answer(validate_training(read_measurements(str(path))))
    assert (answer["count"], answer["out_of_sample"]) == (133, {})
    assert answer["by_kind"]["dense 16-bit"]["mape"] <= 0.05
    assert answer["by_kind"]["dense 8/4-bit"]["mape"] <= 0.11
    assert answer["by_kind"]["MoE"]["mape"] <= 0.3
    assert abs(answer["bias"]) <= 0.05


@pytest.mark.slow
def test_all_rows_at_once() -> None:
    answers = validate_training(read_measurements(None))
    answer = training_answer(answers)
    assert len(answers) == 684
    assert len(answer["rows"]) >= 500
    assert all(row["reason"] for row in answer["skipped"])
    assert abs(answer["slope_per_doubling"]) <= 0.005
    assert abs(answer["bias"]) <= 0.02
    for kind, limit in MOST_BY_SOURCE.items():
        assert answer["by_kind"][kind]["mape"] <= limit
    assert answer["order"]["share"] >= 0.84
