"""Commands about money on results that are there: what a run costs at other prices."""

from pathlib import Path
from typing import Annotated

import typer

from sim.commands.options import ForceOption, JsonOption
from sim.terminal import check_output, show_facts


def price(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULTS...", help="Results directories, or what holds them.")
    ],
    prices: Annotated[str, typer.Option("--prices", metavar="BOOK", help="A price book's name or a TOML file.")],
    acquisition: Annotated[
        str | None, typer.Option(metavar="HOW", help="own, reserved, on-demand, spot or colocation.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(metavar="DATE", help="The day that the run starts, instead of its own.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the cost ledger of all runs (Parquet).")
    ] = None,
    override: Annotated[
        list[str] | None, typer.Option("--override", metavar="KEY=VALUE", help="A price instead of the book's.")
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Price runs again from their results, without simulating them."""
    from sim import catalog
    from sim.ledger.files.parquet import write_table
    from sim.ledger.files.schema import SCHEMA_VERSION
    from sim.report.money.price_report import price_report, prices_report
    from sim.report.money.pricing import amounts_of, priced_table, pricing_json, pricing_row, repriced, results_in
    from sim.scenario.billing import overridden_book

    if out is not None:
        check_output(out, force)
    book = overridden_book(catalog.load_price_book(prices), amounts_of(override or []), "--override")
    directories = list(results_in(results))
    runs = [(directory, *repriced(directory, book, acquisition, start)) for directory in directories]
    if out is not None:
        table = priced_table((stored.run_id, costs) for _, stored, costs in runs)
        write_table(out, table, {"book": book.name, "schema_version": SCHEMA_VERSION})
    if len(runs) == 1:
        answer = pricing_json(*runs[0], book)
        show_facts(answer, as_json, lambda: price_report(answer))
        return
    rows = [pricing_row(stored, costs) for _, stored, costs in runs]
    show_facts({"rows": rows}, as_json, lambda: prices_report(rows))
