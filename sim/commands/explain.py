"""The command that explains a stored bill, compares it with another, and exports it."""

from pathlib import Path
from typing import Annotated

import typer

from sim.commands.options import ForceOption, JsonOption
from sim.errors import OutputError
from sim.terminal import check_output, marks, show_facts, write_bytes, write_text


def explain(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="The results of a billed run.")],
    other: Annotated[Path | None, typer.Argument(metavar="OTHER", help="Results to compare it with.")] = None,
    cash: Annotated[bool, typer.Option("--cash", help="Show what is paid in which month.")] = False,
    cash_csv: Annotated[Path | None, typer.Option("--cash-csv", metavar="FILE", help="Write that as CSV.")] = None,
    focus: Annotated[
        Path | None, typer.Option("--focus", metavar="FILE", help="Write the bill, FOCUS 1.2-shaped: .csv, .parquet.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(metavar="DATE", help="Day of the start, for a run without run.start.")
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Explain a bill: what it buys, what failures cost, what it rests on, and why another differs."""
    from sim.report.money.explain_answer import explain_json, focus_bytes, read_explained, view_of
    from sim.report.money.explain_report import explain_report

    for path in filter(None, (cash_csv, focus)):
        check_output(path, force)
    if cash_csv is not None and focus is not None and cash_csv.absolute() == focus.absolute():
        raise OutputError(f"--focus {focus}: the cash flow goes there; expected another file")
    told = read_explained(results, start)
    answer = explain_json(told, None if other is None else read_explained(other))
    if focus is not None:
        write_bytes(focus, focus_bytes(told, focus))
    if cash_csv is not None:
        from sim.ledger.explain.cash import cash_csv as text_of

        write_text(cash_csv, text_of(view_of(told)))
    show_facts(answer, as_json, lambda: explain_report(answer, marks(), cash=cash))
