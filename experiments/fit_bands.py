"""Fit the bands of predicted step times to measured steps: `python -m experiments.fit_bands`.

Errors are out of sample: levels (experiments.fit_levels) are fitted without a row's sweep, source or software stack,
and what remains of the row's error is one draw of the band for who has runs of the same source measured, of the same
stack, or neither. Coverage is checked once more on the outside: with a fold left out, levels, errors and
stretch are made from the rest alone, and the band meets a fold that nothing of it has seen.

Writes sim/catalog/data/bands.toml.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from experiments.fit_levels import Case, cases_of, design, fit, left_out, source_weights
from sim.analysis.bands import Residual, calibrated, factors, weights_of
from sim.analysis.measurements import read_measurements
from sim.catalog.bands import COVERAGES
from sim.errors import InputError

BANDS = Path(__file__).parent.parent / "sim/catalog/data/bands.toml"

FOLDS: Mapping[str, str] = {"same source": "sweep", "known stack": "source", "new stack": "stack"}
"""What is left out, by how well the user's stack is known."""

AROUND: Mapping[str, str] = {"same source": "source", "known stack": "stack"}
"""What still has rows when the fold is left out; without any, the fold would say something else than its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """How much of what it never saw a band held: weighted by fold, and by row."""

    coverage: float
    by_fold: float
    by_row: float


def meant(cases: Sequence[Case], familiarity: str) -> list[bool]:
    """Return which cases still have company in their source (their stack) when their fold is left out."""
    fold, around = FOLDS[familiarity], AROUND.get(familiarity)
    if around is None:
        return [True] * len(cases)
    folds: dict[str, set[str]] = {}
    for case in cases:
        folds.setdefault(getattr(case, around), set()).add(getattr(case, fold))
    return [len(folds[getattr(case, around)]) > 1 for case in cases]


def residuals_of(cases: Sequence[Case], familiarity: str) -> dict[str, list[Residual]]:
    """Return errors out of sample by kind."""
    fold = FOLDS[familiarity]
    found: dict[str, list[Residual]] = {}
    left = left_out(cases, fold).tolist()
    for case, error, kept in zip(cases, left, meant(cases, familiarity), strict=True):
        if kept:
            found.setdefault(case.kind, []).append(Residual(fold=getattr(case, fold), log_error=error))
    return found


def seen_from_outside(cases: Sequence[Case], familiarity: str) -> Iterator[tuple[str, float, Residual, bool]]:
    """Yield kind, coverage, residual and whether the band held it, where the band is of all other folds alone."""
    fold = FOLDS[familiarity]
    kept = meant(cases, familiarity)
    for name in sorted({getattr(case, fold) for case, here in zip(cases, kept, strict=True) if here}):
        rest = [case for case in cases if getattr(case, fold) != name]
        inside = residuals_of(rest, familiarity)
        outside = [case for case, here in zip(cases, kept, strict=True) if here and getattr(case, fold) == name]
        for case, error in zip(outside, _predicted(rest, outside), strict=True):
            for coverage in COVERAGES:
                try:
                    low, high = calibrated(inside.get(case.kind, []), coverage)
                except InputError:
                    continue
                yield case.kind, coverage, Residual(fold=name, log_error=error), low <= error <= high


def _predicted(rest: Sequence[Case], outside: Sequence[Case]) -> list[float]:
    """Return the log errors of cases when levels are those of the rest."""
    both = [*rest, *outside]
    matrix, _ = design(both)
    errors = np.array([case.log_error for case in both])
    inside = np.arange(len(both)) < len(rest)
    levels = fit(matrix[inside], errors[inside], source_weights(both)[inside])
    return list((errors[~inside] - matrix[~inside] @ levels).tolist())


def checks(cases: Sequence[Case], familiarity: str) -> dict[str, list[Check]]:
    """Return what bands held of folds that they never saw, by kind."""
    seen = list(seen_from_outside(cases, familiarity))
    found: dict[str, list[Check]] = {}
    for kind in sorted({each[0] for each in seen}):
        for coverage in COVERAGES:
            here = [(residual, held) for one, share, residual, held in seen if (one, share) == (kind, coverage)]
            found.setdefault(kind, []).append(_check(here, coverage))
    return found


def _check(seen: Sequence[tuple[Residual, bool]], coverage: float) -> Check:
    weights = weights_of([residual for residual, _ in seen])
    held = sum(weight for (_, inside), weight in zip(seen, weights, strict=True) if inside)
    return Check(coverage=coverage, by_fold=held / sum(weights), by_row=sum(one for _, one in seen) / len(seen))


def table(kind: str, familiarity: str, residuals: Sequence[Residual], check: Check) -> list[str]:
    """Return a band as a table of bands.toml."""
    low, high = factors(calibrated(residuals, check.coverage))
    folds, fold = len({each.fold for each in residuals}), FOLDS[familiarity]
    return [
        f'[band."{kind}"."{familiarity}"."{100 * check.coverage:g}"]',
        f"low = {low:.4f}",
        f"high = {high:.4f}",
        f"held = {check.by_fold:.3f}",
        f"held_rows = {check.by_row:.3f}",
        f"rows = {len(residuals)}",
        f"folds = {folds}",
        f'source = "fit_bands: each {fold} predicted without it, of training_calibration.csv"',
        f'date = "{date.today().isoformat()}"',
        'kind = "fitted"',
        "",
    ]


def bands_text(cases: Sequence[Case]) -> str:
    """Return bands.toml."""
    lines = [
        "# Made by `python -m experiments.fit_bands` from experiments/reference/training_calibration.csv.",
        "# low, high: factors on a simulated time. held: share of folds that the band of the others held, weighted",
        "# by one over the root of a fold's rows (held_rows: of rows); levels, too, were made without the fold.",
        "",
    ]
    for familiarity in FOLDS:
        residuals, held = residuals_of(cases, familiarity), checks(cases, familiarity)
        for kind in sorted(residuals):
            for check in held.get(kind, []):
                lines += table(kind, familiarity, residuals[kind], check)
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Fit the bands and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dry-run", action="store_true", help="show the bands, write nothing")
    dry = parser.parse_args().dry_run
    text = bands_text(cases_of(read_measurements(None), os.cpu_count() or 1))
    sys.stdout.write(text)
    if not dry:
        BANDS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
