"""Commands that weigh policies by simulation: how often to checkpoint, and what a spare is worth."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from sim.commands.options import ForceOption, JsonOption, PluginsOption, ScenarioArgument, SetOption
from sim.terminal import check_output, located, show_facts, write_text

ReplicasOption = Annotated[
    int | None, typer.Option(metavar="N", min=2, help="Most runs of each interval (200) or change (100).")
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

    if picture is not None:
        check_output(picture, force)
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
    show_facts(answer, as_json, lambda: interval_report(answer))


def spares(
    scenario: ScenarioArgument,
    replicas: ReplicasOption = None,
    precision: Annotated[
        float | None, typer.Option(metavar="P", help="Half-width of gains, of the run, that ends the runs: 0.001.")
    ] = None,
    workers: WorkersOption = None,
    overrides: SetOption = None,
    allow_plugins: PluginsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say what one more spare, a faster store, faster detection or another crew is worth: hours and dollars."""
    from sim.analysis.interval.checks import check_precision
    from sim.analysis.spares.answer import spares_answer
    from sim.analysis.spares.study import PRECISION, REPLICAS, study_spares
    from sim.report.progress import progress
    from sim.report.spares_report import spares_report

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
    show_facts(answer, as_json, lambda: spares_report(answer))
