"""A run's results directory: its tables with everything that determines them, its answer, and its picture."""

import json
from dataclasses import replace
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sim import MODEL_VERSION
from sim.cluster.front_end import joined
from sim.errors import OutputError, PriceError
from sim.ledger.bill.cost import total_usd
from sim.ledger.files.parquet import is_complete, write_results
from sim.ledger.files.schema import USD
from sim.ledger.files.tables import Bill, tables
from sim.report.figures import waterfall_svg
from sim.scenario import canonical_text
from sim.simulate import RunResult, hours_of

ANSWER = "run.json"
PICTURE = "waterfall.svg"
MOST_USD = Decimal(10) ** (USD.precision - USD.scale)
"""A bill has to stay below: what its column holds."""

PACKAGES = ("simpy", "networkx", "numpy", "pyarrow")
"""Packages whose versions are recorded with the results."""


def write_run(result: RunResult, answer: dict[str, Any], directory: Path, force: bool) -> None:
    """Write a run's tables, its answer and its picture, all or nothing. Raises OutputError as write_results does."""
    bill = None
    if result.usage is not None and result.costs is not None and result.scenario.billing is not None:
        usage = result.usage if result.usage.by_hour_nj else replace(result.usage, by_hour_nj=hours_of(result))
        billing = result.scenario.billing
        bill = Bill(usage=usage, costs=result.costs, book=billing.prices, terms=billing.terms)
        _check_bill(total_usd(result.costs), result.costs.book)
    cluster, front_end = (result.machine.cluster, result.machine.front_end) if result.machine else (None, None)
    if cluster is not None and front_end is not None:
        cluster = replace(cluster, graph=joined(cluster.graph, front_end))
    written = tables(result.run_id, result.trace, result.summary, result.ledger, bill, cluster)
    metadata = {
        "run_id": result.run_id,
        "scenario": canonical_text(result.scenario),
        "model_version": MODEL_VERSION,
        **{f"version_{name}": version(name) for name in PACKAGES},
    }
    files = {ANSWER: (json.dumps(answer, indent=1) + "\n").encode(), PICTURE: waterfall_svg(answer).encode()}
    write_results(directory, written, metadata, force, files)


def _check_bill(cost_usd: Decimal, book: str) -> None:
    if cost_usd >= MOST_USD:
        raise PriceError(
            f"price book '{book}': a bill of {float(cost_usd):.3g} USD; expected less than {float(MOST_USD):g}, which "
            "is what a table holds"
        )


def existing_run(directory: Path, run_id: str) -> dict[str, Any] | None:
    """Return the answer of a complete run of this id in a directory, or None."""
    if not is_complete(directory, run_id):
        return None
    path = directory / ANSWER
    try:
        answer = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}; use --force to write it again") from None
    except ValueError as error:
        raise OutputError(f"{path}: is not JSON: {error}; use --force to write it again") from None
    if not isinstance(answer, dict) or answer.get("run_id") != run_id:
        raise OutputError(f"{path}: is not the answer of {run_id}; use --force to write it again")
    return answer
