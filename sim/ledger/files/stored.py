"""What a run used, read back from its results, so that it can be priced again without being simulated."""

import json
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from sim.catalog.records import Price, PriceBook, Provenance
from sim.cluster.records import BomLine
from sim.errors import OutputError
from sim.ledger.bill.lots import lots_of
from sim.ledger.bill.terms import Contract, Team, Terms
from sim.ledger.bill.usage import Assets, Lot, Usage
from sim.ledger.files.parquet import read_metadata, read_table
from sim.ledger.files.schema import SCHEMA_VERSION
from sim.ledger.files.tables import ENERGY_PARTS
from sim.ledger.power.energy import EnergyLedger
from sim.ledger.time.time_ledger import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A run as its results hold it: what it used, and how it was paid for; row: of the table runs."""

    run_id: str
    usage: Usage
    acquisition: str
    terms: Terms
    start: str | None
    row: dict[str, Any]


def read_stored(directory: Path) -> StoredRun:
    """Return the billed run of a results directory; raises OutputError where there is none."""
    about = read_metadata(directory)
    if about.get("schema_version") != SCHEMA_VERSION:
        found = about.get("schema_version", "none")
        raise OutputError(
            f"{directory}: results of schema version {found}; expected {SCHEMA_VERSION}: simulate the run again"
        )
    scenario = json.loads(about["scenario"])
    ordering = (scenario.get("repair") or {}).get("reorder") is not None
    row: dict[str, Any] = read_table(directory, "runs").to_pylist()[0]
    billing = scenario.get("billing")
    if billing is None or row["acquisition"] is None:
        raise OutputError(f"{directory}: the run was not billed; expected a scenario with [cost]")
    return StoredRun(
        run_id=about["run_id"],
        usage=_usage(
            row,
            read_table(directory, "usage"),
            read_table(directory, "assets"),
            _lots(row, read_table(directory, "events")) if ordering else (),
        ),
        acquisition=billing["acquisition"],
        terms=terms_of(billing.get("terms", {})),
        start=scenario.get("start"),
        row=row,
    )


def terms_of(plain: dict[str, Any]) -> Terms:
    """Return terms from their canonical form."""
    values = {field.name: plain[field.name] for field in fields(Terms) if field.name in plain}
    values["contracts"] = tuple(
        Contract(**{**each, "start": date.fromisoformat(each["start"]), "end": date.fromisoformat(each["end"])})
        for each in values.get("contracts", ())
    )
    values["teams"] = tuple(Team(**each) for each in values.get("teams", ()))
    for name in ("peak_hours", "pue_by_month"):
        if values.get(name) is not None:
            values[name] = tuple(values[name])
    if values.get("first_day") is not None:
        values["first_day"] = date.fromisoformat(values["first_day"])
    return Terms(**values)


def _lots(row: dict[str, Any], events: pa.Table) -> tuple[Lot, ...]:
    """Return the nodes that came and went, by the events of a run that orders them."""
    columns = [events.column(name).to_pylist() for name in ("time_us", "kind", "cause", "node")]
    return lots_of(row["nodes"] + row["spare_nodes"], row["wall_us"], zip(*columns, strict=True))


def _usage(row: dict[str, Any], used: pa.Table, held: pa.Table, lots: tuple[Lot, ...]) -> Usage:
    columns = [used.column(name).to_pylist() for name in ("measure", "state", "cause", "phase", "amount")]
    by_measure: dict[str, dict[Key, int]] = {}
    for measure, state, cause, phase, amount in zip(*columns, strict=True):
        by_measure.setdefault(measure, {})[Key(state, cause, phase)] = int(amount)
    energy = EnergyLedger(
        it_nj=by_measure.get("it_nj", {}),
        **{name: sum(by_measure[name].values()) for name in ENERGY_PARTS},
        peak_it_w=row["peak_it_power_w"],
    )
    return Usage(
        gpus=row["gpus"],
        wall_us=row["wall_us"],
        time=by_measure.get("gpu_us", {}),
        energy=energy,
        assets=replace(_assets(row, held), lots=lots),
        visits={key.cause: count for key, count in by_measure.get("visits", {}).items()},
        interruptions={key.cause: count for key, count in by_measure.get("interruptions", {}).items()},
        tokens=row["tokens"],
        by_hour_nj=tuple(by_measure.get("by_hour_nj", {}).values()),
    )


def _assets(row: dict[str, Any], held: pa.Table) -> Assets:
    lines = held.to_pylist()
    named = {line["item"]: line for line in lines if line["item"] in ("node", "accelerator", "storage")}
    liquid = [line["name"] for line in lines if line["item"] == "liquid cooling"]
    bill = [line for line in lines if line["item"] in ("server", "switch", "cable")]
    return Assets(
        node=named["node"]["name"],
        nodes=named["node"]["count"],
        accelerator=named["accelerator"]["name"],
        gpus_per_node=named["accelerator"]["count"],
        tdp_w=named["accelerator"]["power_w"],
        bill=tuple(BomLine(**{key: line[key] for key in ("item", "name", "count", "power_w")}) for line in bill),
        storage=named["storage"]["name"],
        storage_bytes=row["storage_bytes"],
        nameplate_w=row["nameplate_w"],
        liquid=bool(liquid),
        pue=float(liquid[0]) if liquid else None,
    )


def read_book(directory: Path) -> PriceBook:
    """Return the price book that a stored run was billed by; raises OutputError where there is none."""
    rows = read_table(directory, "price_book").to_pylist()
    if not rows:
        raise OutputError(f"{directory}: the run was not billed; expected a scenario with [cost]")
    prices = {
        row["key"]: Price(
            value=row["value"],
            unit=row["unit"],
            provenance=Provenance(source=row["source"], date=row["date"], kind=row["kind"], note=row["note"]),
        )
        for row in rows
    }
    first = rows[0]
    return PriceBook(
        name=first["book"],
        currency=first["currency"],
        valid_from=first["valid_from"],
        valid_to=first["valid_to"],
        prices=prices,
    )
