"""The command that shows a stored run on one page."""

from pathlib import Path
from typing import Annotated

import typer

from sim.commands.options import ForceOption, JsonOption
from sim.terminal import check_output, show_facts, write_text

PAGE = "page.html"


def report(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="The results of a run.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The page, by default page.html in RESULTS.")
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show a stored run on one self-contained page: what it cost, where the time went, when, and why."""
    from sim.report.page.read import read_told
    from sim.report.page.run_page import run_page

    told = read_told(results)
    path = results / PAGE if out is None else out
    check_output(path, force)
    write_text(path, run_page(told))
    show_facts({"page": str(path)}, as_json, lambda: f"Written: {path}")
