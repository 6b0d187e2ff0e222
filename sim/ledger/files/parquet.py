"""Results on disk: a directory of zstd Parquet files, one a table, that is either whole or not there.

The same tables and metadata give byte-identical files: no time of writing, fixed compression, encodings and row groups.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sim.errors import OutputError
from sim.ledger.files.schema import SCHEMA_VERSION, SCHEMAS

ROW_GROUP_ROWS = 1 << 20
ZSTD_LEVEL = 3


def write_results(
    directory: Path,
    tables: Mapping[str, pa.Table],
    metadata: Mapping[str, str],
    force: bool = False,
    files: Mapping[str, bytes] | None = None,
) -> None:
    """Write tables to a directory, each with the metadata (run_id, scenario, versions) and the schema's version.

    files: more files by name (a picture, a summary). All are written to a new directory beside it, which then takes
    its name; with force the old results are kept until that moment, and put back if it fails. Raises OutputError for
    a table outside the schema, a directory that exists (without force, or that holds no results), and one that cannot
    be written.
    """
    target = Path(directory).absolute()
    _check_tables(tables)
    check_free(target, force)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=target.parent))
    except OSError as error:
        raise _unwritable(target, error) from None
    try:
        _write_tables(partial, tables, metadata)
        for name, content in (files or {}).items():
            (partial / name).write_bytes(content)
        _take_place(partial, target)
    except OSError as error:
        raise _unwritable(target, error) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_free(directory: Path, force: bool) -> None:
    """Raise OutputError where results cannot go: a file, a directory in use (without force, or not by results)."""
    if not os.path.lexists(directory):
        return
    try:
        names = [path.name for path in directory.iterdir()]
    except OSError as error:
        raise _unwritable(directory, error) from None
    if names and not force:
        raise OutputError(f"{directory}: exists already; use --force to replace it, or another --out")
    if names and "runs.parquet" not in names:
        raise OutputError(f"{directory}: holds no results, so --force does not replace it; choose another --out")


def read_results(directory: Path) -> dict[str, pa.Table]:
    """Return every table of a results directory by name; raises OutputError where one is missing or unreadable."""
    return {name: read_table(Path(directory), name) for name in SCHEMAS}


def read_metadata(directory: Path) -> dict[str, str]:
    """Return what was recorded with the results: run_id, scenario, versions, schema_version."""
    try:
        stored = pq.read_schema(_file(Path(directory), "runs")).metadata or {}
    except FileNotFoundError:
        got = "a batch, of many runs" if (Path(directory) / "plan.json").exists() else "no readable results"
        raise OutputError(f"{directory}: holds {got}; expected the directory of one run, which `run` wrote") from None
    except (OSError, pa.ArrowInvalid) as error:
        raise OutputError(f"{directory}: no readable results: {error}") from None
    return {key.decode(): value.decode() for key, value in stored.items()}


def is_complete(directory: Path, run_id: str) -> bool:
    """Return whether a directory holds every table of this run, each readable to its footer and of this schema."""
    try:
        stored = [pq.read_schema(_file(Path(directory), name)).metadata or {} for name in SCHEMAS]
    except (OSError, pa.ArrowInvalid):
        return False
    wanted = (run_id.encode(), SCHEMA_VERSION.encode())
    return all((about.get(b"run_id"), about.get(b"schema_version")) == wanted for about in stored)


def _check_tables(tables: Mapping[str, pa.Table]) -> None:
    missing = [name for name in SCHEMAS if name not in tables]
    if missing or len(tables) != len(SCHEMAS):
        raise OutputError(f"results: got tables {', '.join(tables)}; expected {', '.join(SCHEMAS)}")
    for name, table in tables.items():
        if not table.schema.equals(SCHEMAS[name]):
            raise OutputError(f"results: table '{name}': got {table.schema.names}; expected {SCHEMAS[name].names}")


def _write_tables(partial: Path, tables: Mapping[str, pa.Table], metadata: Mapping[str, str]) -> None:
    about = dict(sorted({**metadata, "schema_version": SCHEMA_VERSION}.items()))
    partial.chmod(0o755)
    for name, table in tables.items():
        _write(_file(partial, name), table, about)


def write_table(path: Path, table: pa.Table, about: Mapping[str, str]) -> None:
    """Write one table to a file of its own, whole or not at all; raises OutputError where it cannot be written."""
    partial = path.with_name(f".{path.name[:40]}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(partial, table, dict(sorted(about.items())))
        partial.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        partial.unlink(missing_ok=True)


def parquet_bytes(table: pa.Table, about: Mapping[str, str], long: Sequence[str] = ()) -> bytes:
    """Return the bytes of one table's file with its metadata; pages carry checksums.

    long: columns of long texts, whose least and greatest the file does not repeat as statistics.
    """
    sink = BytesIO()
    statistics = [name for name in table.schema.names if name not in long]
    _write(sink, table, dict(sorted(about.items())), write_page_checksum=True, write_statistics=statistics)
    return sink.getvalue()


def _write(path: Path | BytesIO, table: pa.Table, about: Mapping[str, str], **more: bool | list[str]) -> None:
    texts = [field.name for field in table.schema if field.type == pa.string()]
    whole = [field.name for field in table.schema if field.type == pa.int64()]
    pq.write_table(
        table.replace_schema_metadata(about),
        path,
        compression="zstd",
        compression_level=ZSTD_LEVEL,
        use_dictionary=texts,
        column_encoding=dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
        row_group_size=ROW_GROUP_ROWS,
        **more,
    )


def _take_place(partial: Path, target: Path) -> None:
    """Give the finished directory its name; the old one steps aside, and comes back if that fails."""
    if not target.exists():
        partial.rename(target)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.old-", dir=target.parent))
    old = aside / "results"
    try:
        target.rename(old)
        _rename_or_put_back(partial, target, old)
    except OSError:
        if not old.exists():  # else it is the only copy
            aside.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _rename_or_put_back(partial: Path, target: Path, old: Path) -> None:
    try:
        partial.rename(target)
    except OSError:
        old.rename(target)
        raise


def read_table(directory: Path, name: str) -> pa.Table:
    """Return one table of a results directory; raises OutputError where it is missing or unreadable."""
    try:
        # Without the machinery of data sets, and of threads, which cost more than reading a small file.
        with pq.ParquetFile(_file(directory, name)) as file:
            return file.read(use_threads=False)
    except (OSError, pa.ArrowInvalid) as error:
        raise OutputError(f"{directory}: table '{name}' is missing or unreadable: {error}") from None


def _file(directory: Path, name: str) -> Path:
    return directory / f"{name}.parquet"


def _unwritable(target: Path, error: OSError) -> OutputError:
    return OutputError(f"{target}: cannot be written: {error.strerror or error}")
