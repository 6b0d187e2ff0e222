"""The table of events of a run, read back from its file."""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sim.errors import InputError
from sim.ledger.files.schema import SCHEMAS


def events_of(content: bytes) -> tuple[dict[str, list[Any]], str | None]:
    """Return the columns of a Parquet file of events, and the canonical scenario that is recorded with it, or None.

    Raises InputError for what is no Parquet file, or has columns of other types.
    """
    try:
        table = pq.read_table(pa.BufferReader(content))
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"is no readable Parquet file: {str(error).splitlines()[0]}") from None
    for field in table.schema:
        known = SCHEMAS["events"].field(field.name).type if field.name in SCHEMAS["events"].names else field.type
        if field.type != known or table[field.name].null_count:
            raise InputError(f"column '{field.name}' is of type {field.type}; expected {known}, and nowhere null")
    scenario = (table.schema.metadata or {}).get(b"scenario")
    return table.to_pydict(), None if scenario is None else scenario.decode()
