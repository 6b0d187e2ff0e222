"""SQL over a results directory, by DuckDB where it is installed: every table is a view."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from sim.batch.store.compact import files_of
from sim.batch.store.plan_file import stored_plan
from sim.batch.store.status import table_names
from sim.errors import InputError

Rows = list[dict[str, Any]]


def query(directory: Path, sql: str) -> Rows:
    """Return the rows of a query over the tables of a batch or of a run. Raises InputError for what DuckDB refuses."""
    try:
        import duckdb
    except ImportError:
        raise InputError("--sql: DuckDB is not installed; expected the extra: pip install 'trainwright[sql]'") from None
    with duckdb.connect(":memory:") as connection:
        for name, files in tables_of(directory).items():
            listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
            connection.execute(f'CREATE VIEW "{name}" AS SELECT * FROM read_parquet([{listed}])')
        try:
            found = connection.execute(sql)
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, map(_plain, row), strict=True)) for row in found.fetchall()]
        except duckdb.Error as error:
            lines = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
            raise InputError(f"--sql: {lines}") from None


def tables_of(directory: Path) -> Mapping[str, list[Path]]:
    """Return the files of every table of a batch or of a run. Raises InputError for a directory of neither."""
    if stored_plan(directory) is not None:
        found = {name: files_of(directory, name) for name in table_names(directory)}
        return {name: files for name, files in found.items() if files}
    files = sorted(directory.glob("*.parquet")) if directory.is_dir() else []
    if not any(path.stem == "runs" for path in files):
        raise InputError(f"{directory}: holds no results; expected what `run` or `batch` wrote")
    return {path.stem: [path] for path in files}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
