"""The records of a run as tables of the results schema."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa

from sim.catalog.records import PriceBook
from sim.cluster.contract import links
from sim.cluster.records import Cluster
from sim.ledger.bill.cost import CostLedger, total_usd, usd
from sim.ledger.bill.power import pue_of
from sim.ledger.bill.prices import price_of
from sim.ledger.bill.terms import STANDARD, Terms
from sim.ledger.bill.usage import Assets, Usage
from sim.ledger.files.schema import SCHEMAS
from sim.ledger.power.energy import co2e_kg, facility_kwh, kwh
from sim.ledger.time.apportion import Ints
from sim.ledger.time.states import IN_JOB, OUTSIDE_PHASE, STATES
from sim.ledger.time.summary import RunSummary
from sim.ledger.time.time_ledger import TimeLedger, by_state, net_gpu_us
from sim.ledger.time.trace import Event, RunTrace, Stay, plain_rows

ENERGY_PARTS = ("chips_nj", "nodes_nj", "network_nj", "storage_nj")
"""Energies of a run that the table usage holds beside those by state."""

_LINK = itemgetter("medium", "bandwidth_bytes_per_s", "latency_s", "length_m", "count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What a priced run adds to its results: what it used, costs, and the book that they come from."""

    usage: Usage
    costs: CostLedger
    book: PriceBook
    terms: Terms = STANDARD


def tables(
    run_id: str,
    trace: RunTrace,
    summary: RunSummary,
    ledger: TimeLedger,
    bill: Bill | None,
    cluster: Cluster | None,
) -> dict[str, pa.Table]:
    """Return every table of one run by name; links are grouped into classes of equal links.

    Without a bill the money and energy of `runs` are null, and cost_ledger, usage, assets and price_book are empty;
    without a cluster, links is.
    """
    return {
        "runs": runs_table(run_id, trace, summary, ledger, bill),
        "time_ledger": time_table(run_id, ledger),
        "cost_ledger": cost_table(run_id, bill.costs if bill else None),
        "usage": usage_table(run_id, bill.usage if bill else None),
        "assets": assets_table(run_id, bill.usage.assets if bill else None),
        "events": _from_rows("events", run_id, Event._fields, plain_rows(trace.events)),
        "nodes": _from_rows("nodes", run_id, Stay._fields, plain_rows(trace.stays)),
        "links": links_table(run_id, cluster),
        "price_book": price_table(run_id, bill.book if bill else None),
    }


def runs_table(run_id: str, trace: RunTrace, summary: RunSummary, ledger: TimeLedger, bill: Bill | None) -> pa.Table:
    """Return the one row of a run."""
    row = run_row(trace, summary, ledger, bill)
    return _table("runs", run_id, {name: [value] for name, value in row.items()})


def run_row(trace: RunTrace, summary: RunSummary, ledger: TimeLedger, bill: Bill | None) -> dict[str, Any]:
    """Return a run's values by column of the table runs, without its name."""
    totals = by_state(net_gpu_us(ledger))
    return {
        "complete": summary.complete,
        "wall_us": trace.end_us,
        "gpus": ledger.gpus,
        "gpus_per_node": trace.gpus_per_node,
        "nodes": trace.nodes,
        "spare_nodes": trace.spare_nodes,
        "steps": summary.steps,
        "lost_steps": sum(trace.lost_steps),
        "in_flight_steps": sum(trace.in_flight_steps),
        "tokens": summary.tokens,
        "step_mfu": summary.step_mfu,
        "effective_mfu": summary.effective_mfu,
        "goodput": summary.goodput,
        "allocation": summary.allocation,
        "ettr": summary.ettr,
        "held_gpu_us": sum(totals.values()),
        "job_gpu_us": sum(totals[state] for state in IN_JOB),
        "failures": sum(summary.failures.values()),
        "interruptions": sum(summary.interruptions.values()),
        **_billed(bill),
    }


def _billed(bill: Bill | None) -> dict[str, Any]:
    names = (
        *("acquisition", "cost_usd", "it_energy_kwh", "facility_energy_kwh", "peak_it_power_w", "co2e_kg"),
        *("nameplate_w", "storage_bytes"),
    )
    if bill is None:
        return dict.fromkeys(names)
    energy, book = bill.usage.energy, bill.book
    pue, carbon_kg_per_kwh = float(pue_of(bill.usage, book, bill.terms)), float(price_of(book, "carbon/kwh"))
    values = (
        bill.costs.acquisition,
        total_usd(bill.costs),
        kwh(sum(energy.it_nj.values())),
        facility_kwh(energy, pue),
        energy.peak_it_w,
        co2e_kg(energy, pue, carbon_kg_per_kwh),
        bill.usage.assets.nameplate_w,
        bill.usage.assets.storage_bytes,
    )
    return dict(zip(names, values, strict=True))


def time_table(run_id: str, ledger: TimeLedger) -> pa.Table:
    """Return the time ledger, one row a row."""
    columns = {
        "state": _named(ledger.state, STATES),
        "cause": _named(ledger.cause, ledger.causes),
        "phase": ledger.phase,
        "event": ledger.event,
        "start_us": ledger.start_us,
        "end_us": ledger.end_us,
        "nodes": ledger.nodes,
        "gpu_us": ledger.gpu_us,
    }
    return _table("time_ledger", run_id, columns)


def cost_table(run_id: str, costs: CostLedger | None) -> pa.Table:
    """Return the cost ledger, one row a posting: those of the run, then those of the pool."""
    accounts = (("run", costs.postings), ("pool", costs.pool)) if costs else ()
    rows = [(*posting[:-1], usd(posting.micro_usd), account) for account, postings in accounts for posting in postings]
    return _from_rows("cost_ledger", run_id, SCHEMAS["cost_ledger"].names[1:], rows)


def usage_table(run_id: str, usage: Usage | None) -> pa.Table:
    """Return what a run used: GPU-microseconds and IT nanojoules by key, counts by cause, energy by hour of the day."""
    rows: list[tuple[Any, ...]] = []
    if usage is not None:
        rows += [("gpu_us", *key, amount) for key, amount in usage.time.items()]
        rows += [("it_nj", *key, amount) for key, amount in usage.energy.it_nj.items()]
        rows += [("visits", "repair", cause, OUTSIDE_PHASE, count) for cause, count in usage.visits.items()]
        rows += [
            ("interruptions", "detect", cause, OUTSIDE_PHASE, count) for cause, count in usage.interruptions.items()
        ]
        rows += [("by_hour_nj", "", "", hour, amount) for hour, amount in enumerate(usage.by_hour_nj)]
        parts = {name: getattr(usage.energy, name) for name in ENERGY_PARTS}
        rows += [(measure, "", "", OUTSIDE_PHASE, amount) for measure, amount in parts.items()]
    return _from_rows("usage", run_id, SCHEMAS["usage"].names[1:], rows)


def assets_table(run_id: str, assets: Assets | None) -> pa.Table:
    """Return what a run held: servers, the bill of its network, its store; power_w: of each, of a GPU its TDP."""
    rows: list[tuple[Any, ...]] = []
    if assets is not None:
        rows = [
            ("node", assets.node, assets.nodes, 0.0),
            ("accelerator", assets.accelerator, assets.gpus_per_node, assets.tdp_w),
        ]
        rows += [(line.item, line.name, line.count, line.power_w) for line in assets.bill]
        rows += [("storage", assets.storage, 1, 0.0)]
        rows += [("liquid cooling", f"{assets.pue}", 1, 0.0)] if assets.liquid else []
    return _from_rows("assets", run_id, SCHEMAS["assets"].names[1:], rows)


def links_table(run_id: str, cluster: Cluster | None) -> pa.Table:
    """Return the links of a cluster, counted by class: equal ends, medium, bandwidth, latency and length.

    Ends on another network than the compute fabric say which: "front-end switch-1".
    """
    nodes = cluster.graph.nodes(data=True) if cluster else ()
    ends = {vertex: f"{data.get('network', '')} {data['kind']}-{data['tier']}".lstrip() for vertex, data in nodes}
    counts: Counter[tuple[Any, ...]] = Counter()
    cables: Counter[tuple[Any, ...]] = Counter()
    ways = links(cluster.graph) if cluster else ()
    for (one, other, *key, count), alike in Counter((ends[a], ends[b], *_LINK(link)) for a, b, link in ways).items():
        kind = (*sorted((one, other)), *key)
        counts[kind] += alike
        cables[kind] += count * alike
    rows = [(*kind, counts[kind], cables[kind]) for kind in sorted(counts)]
    return _from_rows("links", run_id, SCHEMAS["links"].names[1:], rows)


def price_table(run_id: str, book: PriceBook | None) -> pa.Table:
    """Return the whole price book that a run was priced with, each price with its source."""
    if book is None:
        return _from_rows("price_book", run_id, SCHEMAS["price_book"].names[1:], ())
    about = (book.name, book.currency, book.valid_from, book.valid_to)
    rows = [
        (*about, key, float(price.value), price.unit, source.source, source.date, source.kind, source.note)
        for key, price in sorted(book.prices.items())
        for source in (price.provenance,)
    ]
    return _from_rows("price_book", run_id, SCHEMAS["price_book"].names[1:], rows)


def _named(codes: Ints, names: Sequence[str]) -> pa.Array:
    # Names are looked up here: casting a dictionary array would load all of pyarrow's compute functions.
    return pa.array(np.array(names, dtype=object)[codes], pa.string())


def _from_rows(name: str, run_id: str, fields: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ([] for _ in fields)
    return _table(name, run_id, dict(zip(fields, columns, strict=True)))


def _table(name: str, run_id: str, columns: Mapping[str, Any]) -> pa.Table:
    count = len(next(iter(columns.values())))
    return pa.table({"run_id": [run_id] * count, **columns}, schema=SCHEMAS[name])
