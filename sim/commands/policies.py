"""Commands that weigh policies by simulation: how often to checkpoint, and what a spare is worth."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from sim.commands.options import ForceOption, JsonOption, PluginsOption, ScenarioArgument, SetOption
from sim.terminal import check_output, located, show_facts, write_text

Facts = Mapping[str, Any]
Told = Callable[[Facts], str]

ReplicasOption = Annotated[
    int | None, typer.Option(metavar="N", min=2, help="Most runs of each interval (200) or change (100).")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Write the answer there: JSON, text and picture.")
]
WorkersOption = Annotated[int | None, typer.Option(metavar="N", min=1, help="Processes, by default one a core.")]


def interval(
    scenario: ScenarioArgument,
    replicas: ReplicasOption = None,
    precision: Annotated[
        float | None, typer.Option(metavar="P", help="Half-width of regrets that ends the runs, by default 0.002.")
    ] = None,
    metric: Annotated[
        str, typer.Option(metavar="NAME", help="ettr, goodput, effective_mfu, cost_usd, usd_per_trillion_tokens.")
    ] = "ettr",
    every: Annotated[
        str | None, typer.Option(metavar="T,T,...", help="Intervals to try, such as 2min,5min: no others but rules'.")
    ] = None,
    workers: WorkersOption = None,
    picture: Annotated[Path | None, typer.Option("--picture", metavar="FILE", help="Draw the curve (SVG).")] = None,
    out: OutOption = None,
    overrides: SetOption = None,
    force: ForceOption = False,
    allow_plugins: PluginsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find the best checkpoint interval by simulation, and what Young, Daly and the exact form lose against it."""
    from sim.analysis.interval.answer import interval_answer
    from sim.analysis.interval.checks import check_precision, every_s
    from sim.analysis.interval.study import PRECISION, REPLICAS, study_interval
    from sim.report.interval.picture import interval_picture
    from sim.report.interval.screen import interval_report
    from sim.report.progress import progress

    for path in filter(None, (picture, *_files(out, "interval"))):
        check_output(path, force)
    with progress(sys.stderr) as report, located(scenario):
        study = study_interval(
            scenario,
            overrides=overrides or [],
            metric=metric,
            every_s=every_s(every),
            precision=PRECISION if precision is None else check_precision(precision),
            replicas=replicas or REPLICAS,
            workers=workers,
            progress=report,
            allow_plugins=allow_plugins,
        )
    answer = interval_answer(study)
    if picture is not None:
        write_text(picture, interval_picture(answer))
    _write(_files(out, "interval"), answer, interval_report, interval_picture)
    show_facts(answer, as_json, lambda: interval_report(answer))


def spares(
    scenario: ScenarioArgument,
    replicas: ReplicasOption = None,
    precision: Annotated[
        float | None, typer.Option(metavar="P", help="Half-width of gains, of the run, that ends the runs: 0.001.")
    ] = None,
    workers: WorkersOption = None,
    out: OutOption = None,
    overrides: SetOption = None,
    force: ForceOption = False,
    allow_plugins: PluginsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say what one more spare, a faster store, faster detection or another crew is worth: hours and dollars."""
    from sim.analysis.interval.checks import check_precision
    from sim.analysis.spares.answer import spares_answer
    from sim.analysis.spares.study import PRECISION, REPLICAS, study_spares
    from sim.report.progress import progress
    from sim.report.spares.spares_picture import spares_picture
    from sim.report.spares.spares_report import spares_report

    for path in _files(out, "spares"):
        check_output(path, force)
    with progress(sys.stderr) as report, located(scenario):
        study = study_spares(
            scenario,
            overrides=overrides or [],
            precision=PRECISION if precision is None else check_precision(precision),
            replicas=replicas or REPLICAS,
            workers=workers,
            progress=report,
            allow_plugins=allow_plugins,
        )
    answer = spares_answer(study)
    _write(_files(out, "spares"), answer, spares_report, spares_picture)
    show_facts(answer, as_json, lambda: spares_report(answer))


def _files(out: Path | None, name: str) -> tuple[Path, ...]:
    """Return where the JSON, the text and the picture of an answer go."""
    return () if out is None else tuple(out / f"{name}.{ending}" for ending in ("json", "txt", "svg"))


def _write(paths: Sequence[Path], answer: Facts, report: Told, picture: Told) -> None:
    if paths:
        texts = (json.dumps(answer, indent=1, allow_nan=False) + "\n", report(answer) + "\n", picture(answer))
        for path, text in zip(paths, texts, strict=True):
            write_text(path, text)
