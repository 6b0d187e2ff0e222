"""The results of a campaign: a directory that is whole or not there, with the results of every run inside it."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from sim.campaign.campaign import CampaignResult
from sim.campaign.money import Charge
from sim.campaign.outcome import Outcome
from sim.errors import OutputError
from sim.ledger.bill.cost import usd
from sim.ledger.files.parquet import write_table
from sim.ledger.files.schema import SCHEMA_VERSION, USD
from sim.report.campaign.gantt import gantt_svg
from sim.report.run.answers import run_json
from sim.report.run.results import write_run

ANSWER, PICTURE, LEDGER, RUNS = "campaign.json", "calendar.svg", "charges.parquet", "runs"

LEDGER_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("run", "kind", "label", "asset", "item", "state", "cause")),
        ("phase", pa.int32()),
        ("cost_usd", USD),
        ("account", pa.string()),
    ]
)
"""Columns of the campaign's cost ledger; account: campaign, others or pool."""


def check_campaign(directory: Path, force: bool) -> None:
    """Raise OutputError where the results of a campaign cannot go: another's place, or their own without force."""
    if not os.path.lexists(directory):
        return
    if not directory.is_dir():
        raise OutputError(f"{directory}: is a file; expected a directory")
    names = [path.name for path in directory.iterdir()]
    if names and ANSWER not in names:
        raise OutputError(f"{directory}: holds no campaign, so nothing replaces it; choose another --out")
    if names and not force:
        raise OutputError(f"{directory}: exists already; use --force to replace it, or another --out")


@contextmanager
def written_beside(directory: Path) -> Iterator[Path]:
    """Yield a new directory, which takes its place when all is written, and is gone where anything fails."""
    target = directory.absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=target.parent))
    except OSError as error:
        raise OutputError(f"{directory}: cannot be written: {error.strerror}") from None
    try:
        yield partial
        partial.chmod(0o755)
        if target.exists():
            aside = partial / ".old"
            target.rename(aside)
            old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old-", dir=target.parent))
            aside.rename(old / "results")
            partial.rename(target)
            shutil.rmtree(old, ignore_errors=True)
        else:
            partial.rename(target)
    except OSError as error:
        raise OutputError(f"{directory}: cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_outcome(outcome: Outcome, directory: Path) -> None:
    """Write the results of one simulated run, as `run` does: `price` and `explain` read them."""
    if outcome.result is not None:
        write_run(outcome.result, run_json(outcome.result), directory / RUNS / outcome.name, force=False)


def write_campaign(result: CampaignResult, answer: dict[str, Any], directory: Path) -> None:
    """Write the answer, the picture and the ledger of a campaign."""
    (directory / ANSWER).write_text(json.dumps(answer, indent=1) + "\n", encoding="utf-8")
    (directory / PICTURE).write_text(gantt_svg(answer), encoding="utf-8")
    write_table(directory / LEDGER, ledger_table(result), {"schema_version": SCHEMA_VERSION})


def ledger_table(result: CampaignResult) -> pa.Table:
    """Return every charge of a campaign."""
    accounts: list[tuple[str, Charge]] = [("campaign", charge) for charge in result.charges]
    accounts += [("others", charge) for charge in result.of_others]
    accounts += [("pool", charge) for bill in result.bills for charge in bill.pool]
    rows = [(*charge[:-1], usd(charge.micro_usd), account) for account, charge in accounts]
    columns: list[Sequence[Any]] = [*zip(*rows, strict=True)] if rows else [()] * len(LEDGER_SCHEMA)
    return pa.table(dict(zip(LEDGER_SCHEMA.names, columns, strict=True)), schema=LEDGER_SCHEMA)
