"""The tables of a chunk: those of a run, with the variant, the seed and the swept keys beside each row of `runs`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sim.batch.metrics import METRICS
from sim.batch.work.bills import bill_of, wired_cluster
from sim.batch.work.known import text_of
from sim.batch.work.task import Part
from sim.ledger.files.schema import FLAG, INTEGER, NUMBER, SCHEMAS, TEXT
from sim.ledger.files.tables import assets_table, cost_table, price_table, run_row, tables, time_table, usage_table
from sim.simulate import RunResult

if TYPE_CHECKING:
    from sim.batch.plans.plan import Detail

TYPES: Mapping[str, pa.DataType] = {"text": TEXT, "integer": INTEGER, "number": NUMBER, "flag": FLAG}

MORE = tuple(name for name in METRICS if name not in SCHEMAS["runs"].names)
"""Metrics that `runs` holds in a batch beside its columns for one run."""

VARIANT = (("variant", INTEGER), ("variant_name", TEXT))

FAILED_SCHEMA = pa.schema([("run_id", TEXT), *VARIANT, ("seed", INTEGER), ("reason", TEXT), ("error", TEXT)])
"""Runs without results: reason is input, run, time or memory."""

SCENARIOS_SCHEMA = pa.schema([*VARIANT, ("overrides", TEXT), ("scenario", TEXT)])
"""The whole resolved scenario of a variant, under its first seed."""


@dataclass(slots=True)
class Collected:
    """What the runs of a chunk have given so far: rows of `runs` and `failed`, other tables one a run."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)
    others: dict[str, list[pa.Table]] = field(default_factory=dict)


def runs_schema(columns: Sequence[tuple[str, str]]) -> pa.Schema:
    """Return the schema of `runs` in a batch that sweeps these columns."""
    swept = [(name, TYPES[kind]) for name, kind in columns]
    more = [(name, NUMBER) for name in MORE]
    return pa.schema([("run_id", TEXT), *VARIANT, ("seed", INTEGER), *swept, *list(SCHEMAS["runs"])[1:], *more])


def collect(into: Collected, result: RunResult, identity: Mapping[str, Any], detail: "Detail") -> None:
    """Add a run; identity: what its row begins with."""
    bill = bill_of(result, hours=detail != "summary")
    row = run_row(result.trace, result.summary, result.ledger, bill)
    into.rows.append({**identity, **row, **{name: METRICS[name](result) for name in MORE}})
    for name, table in _others(result, str(identity["run_id"]), detail).items():
        into.others.setdefault(name, []).append(table)


def identity_of(part: Part, run_id: str, seed: int, columns: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return what says which run a row is."""
    swept = {name: value for (name, _), value in zip(columns, part.values, strict=True)}
    return {"run_id": run_id, "variant": part.variant, "variant_name": part.name, "seed": seed, **swept}


def chunk_tables(
    collected: Collected, parts: Sequence[Part], columns: Sequence[tuple[str, str]]
) -> dict[str, pa.Table]:
    """Return the tables of a chunk; `failed` only where a run failed."""
    found = {name: pa.concat_tables(each) for name, each in collected.others.items()}
    found["scenarios"] = _table(
        SCENARIOS_SCHEMA,
        [
            {
                "variant": part.variant,
                "variant_name": part.name,
                "overrides": "\n".join(part.overrides),
                "scenario": text_of(part),
            }
            for part in parts
        ],
    )
    if collected.failed:
        found["failed"] = _table(FAILED_SCHEMA, collected.failed)
    return {**found, "runs": _table(runs_schema(columns), collected.rows)}


def _others(result: RunResult, run_id: str, detail: "Detail") -> dict[str, pa.Table]:
    """Return the other tables of a run at a level of detail."""
    if detail == "summary":
        return {}
    bill = bill_of(result)
    if detail == "events":
        every = tables(run_id, result.trace, result.summary, result.ledger, bill, wired_cluster(result))
        return {name: table for name, table in every.items() if name != "runs"}
    return {
        "time_ledger": time_table(run_id, result.ledger),
        "cost_ledger": cost_table(run_id, bill.costs if bill else None),
        "usage": usage_table(run_id, bill.usage if bill else None),
        "assets": assets_table(run_id, bill.usage.assets if bill else None),
        "price_book": price_table(run_id, bill.book if bill else None),
    }


def _table(schema: pa.Schema, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    return pa.table({name: [row[name] for row in rows] for name in schema.names}, schema=schema)
