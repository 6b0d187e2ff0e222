"""The command that searches the best values of some keys of a scenario."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from sim.commands.options import JsonOption, PluginsOption, ScenarioArgument, SetOption
from sim.terminal import located, show_facts


def optimise(
    scenario: ScenarioArgument,
    over: Annotated[
        list[str] | None,
        typer.Option("--over", metavar="KEY=LOW..HIGH", help="A key and its range; :int whole numbers, :log scale."),
    ] = None,
    minimise: Annotated[
        str, typer.Option(metavar="METRIC", help="Of a run; of MFU, goodput and ETTR the loss.")
    ] = "cost_usd",
    budget: Annotated[int, typer.Option(metavar="RUNS", min=1, help="Runs in all.")] = 200,
    replicas: Annotated[int, typer.Option(metavar="N", min=1, help="Runs of each point, under the same seeds.")] = 4,
    fresh: Annotated[int, typer.Option(metavar="N", min=2, help="Runs under fresh seeds that judge the best.")] = 10,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Keep evaluations there: the same command goes on.")
    ] = None,
    workers: Annotated[int | None, typer.Option(metavar="N", min=1, help="Processes, by default one a core.")] = None,
    overrides: SetOption = None,
    allow_plugins: PluginsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find the values of some keys that cost least, take least time or lose least, by simulation within a budget."""
    from sim.batch.optimise.answer import optimise_answer
    from sim.batch.optimise.knobs import knobs_of
    from sim.batch.optimise.study import optimise as search
    from sim.report.comparison.optimise_report import optimise_report
    from sim.report.progress import progress

    knobs = knobs_of(over or [])
    with progress(sys.stderr) as report, located(scenario):
        found = search(
            scenario,
            knobs,
            minimise,
            overrides=overrides or [],
            budget=budget,
            replicas=replicas,
            checked=fresh,
            directory=out,
            workers=workers,
            progress=report,
            allow_plugins=allow_plugins,
        )
    answer = optimise_answer(found)
    show_facts(answer, as_json, lambda: optimise_report(answer))
