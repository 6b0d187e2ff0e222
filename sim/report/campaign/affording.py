"""`afford` as JSON and on a screen of 80 columns."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sim.campaign.affording.study import Costs, Share
from sim.report.text import Result, short_usd, table, wrapped

TOLD = ("year", "date", "kind", "cluster", "mode", "source")
"""What a table says of an organisation, besides its name and figure."""

LEAST = 1e-5
"""Smaller ratios are shown to be smaller: their digits say nothing of who can afford what."""


def afford_json(costs: Costs, found: Sequence[Share], threshold: float | None, table_name: str) -> dict[str, Any]:
    """Return the answer: the cost over seeds, and a row an organisation; below: None without threshold or figure."""
    return {
        "name": costs.name,
        "basis": costs.basis,
        "replicas": len(costs.usd),
        "cost_usd": {name: costs.quantile(share) for name, share in (("p5", 0.05), ("p50", 0.5), ("p95", 0.95))},
        "threshold": threshold,
        "table": table_name,
        "rows": [
            {
                "organisation": share.organisation.name,
                "annual_capex_usd": share.organisation.annual_capex_usd,
                "ratio": share.ratio,
                "below": share.below(threshold),
                **{key: getattr(share.organisation, key) for key in TOLD},
            }
            for share in found
        ],
    }


def afford_report(result: Result) -> str:
    """Return the report from its JSON."""
    cost, threshold, seeds = result["cost_usd"], result["threshold"], result["replicas"]
    what = "bill" if result["basis"] == "accrual" else "cash that is paid"
    title = wrapped(
        f"{result['name']}: {what} {short_usd(cost['p50'])} (p5 {short_usd(cost['p5'])}, p95 {short_usd(cost['p95'])}, "
        f"{seeds} {'seed' if seeds == 1 else 'seeds'}) against a year's capital expenditure"
    )
    head = [
        "Organisation",
        "a year",
        "of",
        "said",
        "cost / capex",
        *([] if threshold is None else [f"< {_percent(threshold)}"]),
    ]
    known = [row for row in result["rows"] if row["ratio"] is not None]
    rows = [head, *(_cells(row, threshold) for row in known)]
    blank = [f"{row['organisation']} ({row['source']})" for row in result["rows"] if row["ratio"] is None]
    sources = "; ".join(f"{row['organisation']}: {row['source']}" for row in known)
    blocks = [
        title,
        table(rows, "<>>>>" + ("" if threshold is None else "<")) if known else [],
        wrapped(f"Without a figure: {', '.join(blank)}") if blank else [],
        wrapped(f"Sources: {sources}") if known else [],
        wrapped("A ratio is no verdict: capital expenditure buys more than training, and others rent."),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _cells(row: Result, threshold: float | None) -> list[str]:
    told = [] if threshold is None else ["yes" if row["below"] else "no"]
    return [
        row["organisation"],
        short_usd(row["annual_capex_usd"]),
        row["year"],
        row["date"],
        f"< {_percent(LEAST)}" if row["ratio"] < LEAST else _percent(row["ratio"]),
        *told,
    ]


def _percent(fraction: float) -> str:
    """Return a fraction in percent, in three digits and never by powers of ten.

    >>> _percent(0.000196), _percent(0.02), _percent(1.84e-8), _percent(14.0)
    ('0.0196 %', '2 %', '0.00000184 %', '1400 %')
    """
    return f"{Decimal(f'{100 * fraction:.3g}'):f} %"
