"""What the guide to methods of cost says is so: its tables and figures are computed again."""

import re
from pathlib import Path

import pytest

from sim.analysis.cost.claims.table import CLAIMS
from sim.analysis.cost.records import CATEGORIES, read_records
from sim.analysis.cost.rules.epoch import method_table
from sim.ledger.methods.epoch import value_usd
from tests.ledger.methods.test_epoch import GPT4, capex_energy

TEXT = (Path(__file__).parent.parent / "docs" / "cost-methods.md").read_text("utf-8")
METHODS = ("chip_hours", "capex+energy", "cloud", "acquisition", "usd_2_per_hour")


def rows_below(heading: str) -> list[list[str]]:
    """Return the cells of the table whose head begins with a heading."""
    lines = TEXT[TEXT.index(f"\n| {heading} |") + 1 :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_run_of_the_table_is_what_the_methods_say() -> None:
    table = method_table(read_records(None))
    rows = rows_below("run")
    assert [row[0] for row in rows] == [each["model"] for each in table]
    for row, each in zip(rows, table, strict=True):
        for cell, name in zip(row[1:], METHODS, strict=True):
            amount = each[name]
            assert cell == ("-" if amount is None else f"{float(str(amount)) / 1e6:.2f}"), (row[0], name)


def test_the_arithmetic_of_gpt_4_is_what_the_functions_give() -> None:
    view = capex_energy(GPT4)
    servers = view.terms["chips"] + view.terms["rest of servers"]
    figures = (
        *(f"${view.total:,.2f}", f"{value_usd(24_875, 638, 0.14):,.2f}", f"${servers:,.0f}"),
        *(f"${view.terms['interconnect']:,.0f}", f"${view.terms['energy']:,.2f}"),
    )
    for figure in figures:
        assert figure in TEXT


@pytest.mark.slow
def test_every_contradiction_is_told_with_what_holds() -> None:
    assert rows_below("topic") == [[claim().topic, claim().holds] for claim in CLAIMS]


def test_categories_that_lead_to_predictions_exist() -> None:
    told = [re.sub("`", "", row[0]) for row in rows_below("category")]
    assert set(told) <= set(CATEGORIES)
    assert len(told) == 5
