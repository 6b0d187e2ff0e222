"""Metrics of the runs of a batch, by variant and seed, as its files hold them."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sim.batch.store.chunks import RUNS, chunk_path
from sim.errors import OutputError


def samples(
    directory: Path, chunks: Iterable[int], metrics: Sequence[str], variants: int
) -> dict[str, list[NDArray[np.float64]]]:
    """Return every metric's values by variant, in the order of seeds; not a number where a run has none.

    Raises OutputError where a file cannot be read.
    """
    table = _read(directory, chunks, ["variant", "seed", *metrics])
    variant, seed = table["variant"].to_numpy(), table["seed"].to_numpy()
    order = np.lexsort((seed, variant))
    bounds = np.searchsorted(variant[order], np.arange(variants + 1))
    values = {name: table[name].cast(pa.float64()).to_numpy()[order].astype(np.float64) for name in metrics}
    return {name: [each[low:high] for low, high in pairwise(bounds)] for name, each in values.items()}


def _read(directory: Path, chunks: Iterable[int], columns: Sequence[str]) -> pa.Table:
    tables = []
    for chunk in sorted(chunks):
        path = chunk_path(directory, RUNS, chunk)
        try:
            with pq.ParquetFile(path) as file:
                tables.append(file.read(columns=list(columns), use_threads=False))
        except (OSError, pa.ArrowException) as error:
            raise OutputError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from None
    return pa.concat_tables(tables)
