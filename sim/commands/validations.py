"""The command that holds what is simulated against what was measured or published."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from sim.commands.options import ForceOption, JsonOption
from sim.errors import InputError, unknown_name
from sim.terminal import show_facts

KINDS = ("training", "network", "reliability", "cost")

PAGE = Path("results/validation-training")


def validate(
    kind: Annotated[str, typer.Option(metavar="KIND", help=f"{', '.join(KINDS)}.")] = "training",
    measurements: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Steps (CSV), networks, failures or costs (JSON), not the reference."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help=f"Where rows and page of training go ({PAGE}); goes on where it was stopped."),
    ] = None,
    workers: Annotated[int | None, typer.Option(metavar="N", min=1, help="Processes, by default one a core.")] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare simulated with measured steps: signed errors by group, orders and slopes, a page of everything."""
    if kind not in KINDS:
        raise unknown_name("kind of validation", kind, KINDS, "--kind")
    if out is not None and kind != "training":
        raise InputError(f"--out {out}: nothing is written by --kind {kind}; expected it with training only")
    if workers is not None and kind not in ("training", "reliability"):
        raise InputError(
            f"--workers {workers}: --kind {kind} takes one process; expected it with training, reliability"
        )
    if kind == "training":
        _training(measurements, out or PAGE, workers, force, as_json)
    elif kind == "network":
        _network(measurements, as_json)
    elif kind == "reliability":
        _reliability(measurements, workers, as_json)
    else:
        _cost(measurements, as_json)


def _training(measurements: str | None, out: Path, workers: int | None, force: bool, as_json: bool) -> None:
    from sim.analysis.measurements import read_measurements
    from sim.analysis.output import open_directory, write_validation
    from sim.analysis.training import training_answer
    from sim.analysis.validate import validate_training
    from sim.report.progress import progress
    from sim.report.validation.truth_page import truth_page
    from sim.report.validation.validation_report import validation_report

    rows = read_measurements(measurements)
    cache = open_directory(out, force)
    with progress(sys.stderr) as report:
        answers = validate_training(rows, workers=workers, cache=cache, progress=_parts(report, "rows"))
    answer = training_answer(answers)
    write_validation(out, answer, truth_page(answer))
    show_facts(answer, as_json, lambda: f"{validation_report(answer)}\n\nPage and rows: {out}")


def _network(measurements: str | None, as_json: bool) -> None:
    from sim.analysis.network.answer import network_answer, read_rows
    from sim.report.validation.network_validation import network_validation

    facts = network_answer(read_rows(measurements))
    show_facts(facts, as_json, lambda: network_validation(facts))


def _reliability(measurements: str | None, workers: int | None, as_json: bool) -> None:
    """Compare runs with closed forms, another simulator and published cases of failures."""
    from sim.analysis.reliability.answer import read_cases, reliability_answer
    from sim.report.progress import progress
    from sim.report.validation.reliability_validation import reliability_validation

    sections, oracles = read_cases(measurements), measurements is None
    with progress(sys.stderr) as report:
        facts = reliability_answer(sections, oracles=oracles, workers=workers, progress=_parts(report, "cases"))
    show_facts(facts, as_json, lambda: reliability_validation(facts))


def _cost(measurements: str | None, as_json: bool) -> None:
    """Compare published costs, energy and carbon with what is predicted from what else is published."""
    from sim.analysis.cost.answer import cost_answer
    from sim.analysis.cost.records import read_records
    from sim.report.progress import progress
    from sim.report.validation.cost_validation import cost_validation

    records = read_records(measurements)
    with progress(sys.stderr) as report:
        facts = cost_answer(records, articles=measurements is None, progress=_parts(report, "records"))
    show_facts(facts, as_json, lambda: cost_validation(facts))


def _parts(report: Callable[[float, str], None], what: str) -> Callable[[int, int], None]:
    """Return a progress by parts done, told as a fraction."""
    return lambda done, count: report(done / count, what)
