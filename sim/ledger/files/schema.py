"""The tables of a run's results, in one place.

Time: integer microseconds. GPU-time: GPU-microseconds, int64 in rows and decimal in totals, which overflow 64 bits.
Money: decimal USD to the micro-dollar. Physical quantities: float64 with the unit in the name. Strings are
plain: dictionary columns of many files cannot be grouped together. Column `run_id` comes first in every table.
"""

from collections.abc import Mapping

import pyarrow as pa

SCHEMA_VERSION = "2"

USD = pa.decimal128(18, 6)
TOTAL = pa.decimal128(38, 0)
TEXT, INTEGER, NUMBER, FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()


def _table(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([("run_id", TEXT), *columns.items()])


SCHEMAS: Mapping[str, pa.Schema] = {
    "runs": _table(
        complete=FLAG,
        wall_us=INTEGER,
        gpus=INTEGER,
        gpus_per_node=INTEGER,
        nodes=INTEGER,
        spare_nodes=INTEGER,
        steps=INTEGER,
        lost_steps=INTEGER,
        in_flight_steps=INTEGER,
        tokens=INTEGER,
        step_mfu=NUMBER,
        effective_mfu=NUMBER,
        goodput=NUMBER,
        allocation=NUMBER,
        ettr=NUMBER,
        held_gpu_us=TOTAL,
        job_gpu_us=TOTAL,
        failures=INTEGER,
        interruptions=INTEGER,
        acquisition=TEXT,
        cost_usd=USD,
        it_energy_kwh=NUMBER,
        facility_energy_kwh=NUMBER,
        peak_it_power_w=NUMBER,
        nameplate_w=NUMBER,
        storage_bytes=NUMBER,
        co2e_kg=NUMBER,
    ),
    "time_ledger": _table(
        state=TEXT,
        cause=TEXT,
        phase=INTEGER,
        event=INTEGER,
        start_us=INTEGER,
        end_us=INTEGER,
        nodes=INTEGER,
        gpu_us=INTEGER,
    ),
    "cost_ledger": _table(item=TEXT, state=TEXT, cause=TEXT, phase=INTEGER, cost_usd=USD, account=TEXT),
    "usage": _table(measure=TEXT, state=TEXT, cause=TEXT, phase=INTEGER, amount=TOTAL),
    "assets": _table(item=TEXT, name=TEXT, count=INTEGER, power_w=NUMBER),
    "events": _table(
        event=INTEGER,
        time_us=INTEGER,
        kind=TEXT,
        cause=TEXT,
        component=TEXT,
        component_index=INTEGER,
        ordinal=INTEGER,
        node=INTEGER,
        interrupted=FLAG,
    ),
    "nodes": _table(node=INTEGER, place=TEXT, start_us=INTEGER, end_us=INTEGER, cause=TEXT, event=INTEGER),
    "links": _table(
        lower=TEXT,
        upper=TEXT,
        medium=TEXT,
        bandwidth_bytes_per_s=NUMBER,
        latency_s=NUMBER,
        length_m=NUMBER,
        links=INTEGER,
        cables=INTEGER,
    ),
    "price_book": _table(
        book=TEXT,
        currency=TEXT,
        valid_from=TEXT,
        valid_to=TEXT,
        key=TEXT,
        value=NUMBER,
        unit=TEXT,
        source=TEXT,
        date=TEXT,
        kind=TEXT,
        note=TEXT,
    ),
}
"""Schema by table name. A link's ends are "<kind>-<tier>"; cables counts parallel ones.

cost_ledger: account is run or pool. usage and assets are what a bill is a function of, so that a run can be priced
again: GPU-time and energy by state, cause and phase, and what was held.
"""
