"""The table of events of a run, read back from its file."""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sim.errors import InputError


def events_of(content: bytes) -> tuple[dict[str, list[Any]], str | None]:
    """Return the columns of a Parquet file of events, and the canonical scenario that is recorded with it, or None.

    Raises InputError for what is no Parquet file.
    """
    try:
        table = pq.read_table(pa.BufferReader(content))
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"is no readable Parquet file: {str(error).splitlines()[0]}") from None
    scenario = (table.schema.metadata or {}).get(b"scenario")
    return table.to_pydict(), None if scenario is None else scenario.decode()
