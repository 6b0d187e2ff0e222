"""Fit the levels of stacks and GPUs to measured steps: `python -m experiments.fit_levels`.

Kernels are fitted alone (experiments.fit_kernels); what steps can tell is how fast they run within one, for hours and
beside others. Three kinds of levels, all factors on the pace of kernels, and shrunk toward a common one: of a stack
(a software profile), of a GPU generation and precision class, and of the kernels around experts. Nothing knows a row, a
model or a number of GPUs. Log step times answer to them by elasticities that are measured with the simulator (a
second and a third run of every row), so that a fit is a weighted ridge regression with Huber's loss.

Scores are out of sample: each source (or sweep) is predicted from levels that were fitted without it; nothing is chosen
by them. Writes sim/catalog/data/levels.toml and experiments/reference/level_residuals.json.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from math import exp, log
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim import catalog
from sim.analysis.mapping import SkippedError, scenario_of_row
from sim.analysis.measurements import Measured, read_measurements
from sim.analysis.rules import rules
from sim.analysis.validate import step_of
from sim.catalog.bands import kind_of
from sim.catalog.levels import CLASSES, GENERATIONS, generation_of
from sim.errors import TrainwrightError
from sim.scenario.records import Scenario

FloatArray = NDArray[np.float64]

ROOT = Path(__file__).parent.parent
LEVELS, RESIDUALS = ROOT / "sim/catalog/data/levels.toml", ROOT / "experiments/reference/level_residuals.json"

STEP = 0.9
"""The factor on a level by which elasticities are measured."""

HUBER = 0.15
"""Log error beyond which a row counts linearly."""

SHRINKAGE = 3.0
"""Prior rows that hold each level to the common one: rows scatter by 8 %, levels by 5 % (assumed), (8 / 5)^2 = 2.6.

Choosing it by cross-validation within each fold is noise: from 1 to 10 scores by source differ by 0.4 points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One measured row with its log error at plain levels, and its elasticities to the levels it meets."""

    name: str
    source: str
    sweep: str
    kind: str
    gpus: int
    stack: str
    group: str
    log_error: float
    kernels: float
    experts: float


def plain(scenario: Scenario, kernel: float = 1.0, expert: float = 1.0) -> Scenario:
    """Return a scenario with levels of its stack as given and no others."""
    training, machines = scenario.training, scenario.machines
    assert training is not None
    every = dict.fromkeys(CLASSES, expert)
    software = replace(training.software, kernel_level=kernel, expert_levels=every)
    accelerator = replace(machines.accelerator, sustained={})
    return replace(
        scenario,
        training=replace(training, software=software),
        machines=replace(machines, accelerator=accelerator),
    )


def case_of(row: Measured) -> Case | None:
    """Return the case of a row, None where it cannot be simulated or is shown apart."""
    if rules().excluded(row):
        return None
    try:
        scenario = scenario_of_row(row).scenario
        base, slower = (step_of(plain(scenario, level)).profile.step_time_s for level in (1.0, STEP))
        experts = step_of(plain(scenario, 1.0, STEP)).profile.step_time_s if row.count("experts") else base
    except (SkippedError, TrainwrightError):
        return None
    training = scenario.training
    assert training is not None and row.step_time_s is not None
    precision = training.phases[0].batch.precision
    return Case(
        name=row.text("id"),
        source=row.text("source"),
        sweep=row.text("sweep") or row.text("source"),
        kind=kind_of(precision, bool(row.count("experts"))),
        gpus=row.count("n_gpus") or 1,
        stack=training.software.name,
        group=f"{generation_of(scenario.machines.accelerator.name)} {CLASSES[precision]}",
        log_error=log(base / row.step_time_s),
        kernels=log(slower / base) / -log(STEP),
        experts=log(experts / base) / -log(STEP),
    )


def design(cases: Sequence[Case]) -> tuple[FloatArray, list[str]]:
    """Return how log step times answer to log levels, shape (cases, levels), and the levels' names."""
    stacks, gpus = ({f"stack {case.stack}" for case in cases}, {f"group {case.group}" for case in cases})
    experts = {f"experts {class_of(case)}" for case in cases if case.kind == "MoE"}
    names = ["common", *sorted(experts), *sorted(stacks), *sorted(gpus)]
    columns = {name: i for i, name in enumerate(names)}
    matrix = np.zeros((len(cases), len(names)))
    for row, case in enumerate(cases):
        for name in ("common", f"stack {case.stack}", f"group {case.group}"):
            matrix[row, columns[name]] = case.kernels
        if case.kind == "MoE":
            matrix[row, columns[f"experts {class_of(case)}"]] = case.experts
    return matrix, names


def class_of(case: Case) -> str:
    """Return a case's class of precision."""
    return case.group.split()[-1]


def fit(matrix: FloatArray, errors: FloatArray, weights: FloatArray, shrinkage: float = SHRINKAGE) -> FloatArray:
    """Return the log levels that explain log errors: ridge towards 0 but for the common level, Huber's loss."""
    held = np.full(matrix.shape[1], shrinkage)
    held[0] = 1e-6
    levels, robust = np.zeros(matrix.shape[1]), np.ones(len(errors))
    for _ in range(30):
        scaled = matrix * (weights * robust)[:, None]
        after = np.linalg.solve(scaled.T @ matrix + np.diag(held), scaled.T @ errors)
        left = np.abs(errors - matrix @ after)
        robust = np.minimum(1.0, HUBER / np.maximum(left, 1e-12))
        if np.abs(after - levels).max() < 1e-9:
            break
        levels = after
    return np.asarray(levels)


def source_weights(cases: Sequence[Case]) -> FloatArray:
    """Return the weight of each case: a source with many rows says less with each."""
    counts: dict[str, int] = {}
    for case in cases:
        counts[case.source] = counts.get(case.source, 0) + 1
    return np.array([counts[case.source] ** -0.5 for case in cases])


def left_out(cases: Sequence[Case], by: str) -> FloatArray:
    """Return log errors when each source (or sweep) is predicted without it."""
    matrix, _ = design(cases)
    errors, weights = np.array([case.log_error for case in cases]), source_weights(cases)
    of = np.array([getattr(case, by) for case in cases])
    result = np.empty(len(cases))
    for fold in sorted(set(of)):
        inside = of != fold
        levels = fit(matrix[inside], errors[inside], weights[inside])
        result[~inside] = errors[~inside] - matrix[~inside] @ levels
    return result


def report(cases: Sequence[Case], residuals: Mapping[str, FloatArray]) -> list[str]:
    """Return scores by kind, one line each way of leaving rows out."""
    kinds = sorted({case.kind for case in cases})
    lines = [f"{'':22}" + "".join(f"{kind:>24}" for kind in kinds)]
    for name, left in residuals.items():
        errors = np.expm1(left)
        cells = []
        for kind in kinds:
            own = errors[[case.kind == kind for case in cases]]
            cells.append(f"{100 * np.abs(own).mean():9.1f} % ({100 * own.mean():+5.1f} %)")
        lines.append(f"{name:22}" + "".join(f"{cell:>24}" for cell in cells))
    return lines


def anchored(cases: Sequence[Case], left: FloatArray) -> FloatArray:
    """Return log errors of rows after the first of each sweep of a source, when that sets the level; nan elsewhere."""
    result = np.full(len(cases), np.nan)
    first: dict[tuple[str, str], float] = {}
    for i, case in enumerate(cases):
        if case.sweep == case.source:
            continue
        key = (case.sweep, case.source)
        if key in first:
            result[i] = left[i] - first[key]
        else:
            first[key] = left[i]
    return result


def levels_text(names: Sequence[str], levels: FloatArray, cases: Sequence[Case]) -> str:
    """Return levels.toml."""
    value = dict(zip(names, levels.tolist(), strict=True))
    common = value["common"]
    today = date.today().isoformat()
    lines = ["# Made by `python -m experiments.fit_levels` from experiments/reference/training_calibration.csv.", ""]

    def table(title: str, level: float, rows: int, note: str) -> None:
        source = f"fit_levels: {rows} measured steps" if rows else "fit_levels: no row of its own"
        lines.extend(
            [
                f"[{title}]",
                f"level = {level:.4f}",
                f'source = "{source}"',
                f'date = "{today}"',
                f'kind = "{"fitted" if rows else "assumed"}"',
                f'note = "{note}"',
                "",
            ]
        )

    for stack in catalog.names("software"):
        rows = sum(case.stack == stack for case in cases)
        own = value.get(f"stack {stack}", 0.0)
        table(f'stack."{stack}"', exp(common + own), rows, "common level and what this stack differs by, shrunk")
    for kind in sorted(set(CLASSES.values())):
        rows = sum(case.kind == "MoE" and class_of(case) == kind for case in cases)
        if rows:
            table(f'experts."{kind}"', exp(value[f"experts {kind}"]), rows, "kernels around experts, over others")
    for generation in sorted(set(GENERATIONS.values())):
        for kind in sorted(set(CLASSES.values())):
            group = f"{generation} {kind}"
            rows = sum(case.group == group for case in cases)
            level = exp(value.get(f"group {group}", 0.0))
            if rows or any(case.group.startswith(generation) for case in cases):
                table(f'gpu."{generation}"."{kind}"', level, rows, "over the common level")
    return "\n".join(lines).rstrip() + "\n"


def cases_of(rows: Iterable[Measured], workers: int) -> list[Case]:
    """Return the cases of all rows that have one."""
    listed = sorted(rows, key=lambda row: (row.text("gpu"), row.text("network"), row.text("n_gpus")))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        found = pool.map(case_of, listed, chunksize=8)
        return sorted((case for case in found if case is not None), key=lambda case: case.name)


def main() -> None:
    """Fit, show scores out of sample, write the levels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dry-run", action="store_true", help="show scores, write nothing")
    dry = parser.parse_args().dry_run
    cases = cases_of(read_measurements(None), os.cpu_count() or 1)
    matrix, names = design(cases)
    errors, weights = np.array([case.log_error for case in cases]), source_weights(cases)
    levels = fit(matrix, errors, weights)
    by_source, by_sweep = left_out(cases, "source"), left_out(cases, "sweep")
    residuals = {
        "plain": errors,
        "in sample": errors - matrix @ levels,
        "by source": by_source,
        "by sweep": by_sweep,
    }
    told = anchored(cases, errors)
    rows = ~np.isnan(told)
    kept = [case for case, here in zip(cases, rows, strict=True) if here]
    sources = len({case.source for case in cases})
    lines = [
        f"{len(cases)} rows, {sources} sources, {len(names)} levels",
        *report(cases, residuals),
        *report(kept, {"anchored": told[rows]}),
        *(f"{name:34} {exp(level):.3f}" for name, level in zip(names, levels.tolist(), strict=True)),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    if not dry:
        LEVELS.write_text(levels_text(names, levels, cases), encoding="utf-8")
        RESIDUALS.write_text(json.dumps(_residuals(cases, by_source, by_sweep), indent=1) + "\n", encoding="utf-8")


def _residuals(cases: Sequence[Case], by_source: FloatArray, by_sweep: FloatArray) -> list[dict[str, Any]]:
    return [
        {
            "id": case.name,
            "source": case.source,
            "kind": case.kind,
            "stack": case.stack,
            "group": case.group,
            "by_source": round(one, 5),
            "by_sweep": round(other, 5),
        }
        for case, one, other in zip(cases, by_source.tolist(), by_sweep.tolist(), strict=True)
    ]


if __name__ == "__main__":
    main()
