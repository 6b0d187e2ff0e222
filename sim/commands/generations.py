"""The command that simulates generations of frontier runs, and puts what is published beside them."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from sim.commands.options import ForceOption, JsonOption
from sim.errors import OutputError
from sim.terminal import check_output, show_facts, write_text


def generations(
    samples: Annotated[
        int | None, typer.Option(metavar="N", min=20, max=100_000, help="Samples of each generation, by default 256.")
    ] = None,
    workers: Annotated[int | None, typer.Option(metavar="N", min=1, help="Processes, by default one a core.")] = None,
    picture: Annotated[Path | None, typer.Option("--picture", metavar="FILE", help="Draw cost by date (SVG).")] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Simulate frontier runs from 2017 to the next, with bands, beside what is published under each method."""
    from sim.analysis.generations.answer import generations_answer
    from sim.analysis.generations.spread import SAMPLES
    from sim.report.generations.picture import generations_picture
    from sim.report.generations.screen import generations_report
    from sim.report.progress import progress

    if picture is not None:
        if picture.suffix != ".svg":
            raise OutputError(f"--picture {picture}: got a name that ends in '{picture.suffix}', expected .svg")
        check_output(picture, force)
    with progress(sys.stderr) as report:
        answer = generations_answer(samples=samples or SAMPLES, workers=workers, progress=report)
    if picture is not None:
        write_text(picture, generations_picture(answer))
    show_facts(answer, as_json, lambda: generations_report(answer))
