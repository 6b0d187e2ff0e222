"""The command that says how cost and end of a run move with what it is made of."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from sim.commands.options import ForceOption, JsonOption, PluginsOption, ScenarioArgument, SetOption
from sim.errors import InputError, OutputError
from sim.terminal import check_output, located, marks, show_facts, write_text


def sensitivity(
    scenario: ScenarioArgument,
    samples: Annotated[
        int | None, typer.Option(metavar="N", min=20, max=100_000, help="Samples of cost and end, by default 256.")
    ] = None,
    replicas: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=1000, help="Seeds of every turn of a layer, by default 4.")
    ] = None,
    step: Annotated[
        float | None, typer.Option(metavar="S", help="By how much layers are turned, up and down, by default 0.1.")
    ] = None,
    workers: Annotated[int | None, typer.Option(metavar="N", min=1, help="Processes, by default one a core.")] = None,
    picture: Annotated[Path | None, typer.Option("--picture", metavar="FILE", help="Draw the tornado (SVG).")] = None,
    overrides: SetOption = None,
    force: ForceOption = False,
    allow_plugins: PluginsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say how cost and end move with each layer and price, what is uncertain of them, and what a little is worth."""
    from sim.analysis.sensitivity.answer import sensitivity_answer
    from sim.analysis.sensitivity.elasticity import REPLICAS, STEP
    from sim.analysis.sensitivity.uncertain import SAMPLES
    from sim.report.progress import progress
    from sim.report.sensitivity.picture import sensitivity_picture
    from sim.report.sensitivity.screen import sensitivity_report

    if step is not None and not 0 < step <= 0.5:
        raise InputError(f"--step {step:g}: expected more than 0 and at most 0.5, such as 0.1")
    if picture is not None:
        if picture.suffix != ".svg":
            raise OutputError(f"--picture {picture}: got a name that ends in '{picture.suffix}', expected .svg")
        check_output(picture, force)
    with progress(sys.stderr) as report, located(scenario):
        answer = sensitivity_answer(
            scenario,
            overrides=overrides or [],
            samples=samples or SAMPLES,
            replicas=replicas or REPLICAS,
            step=STEP if step is None else step,
            workers=workers,
            progress=report,
            allow_plugins=allow_plugins,
        )
    if picture is not None:
        write_text(picture, sensitivity_picture(answer))
    show_facts(answer, as_json, lambda: sensitivity_report(answer, marks()))
