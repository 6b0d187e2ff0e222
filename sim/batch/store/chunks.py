"""The files of a chunk: one a table, the table `runs` last, whose being there says that the chunk is done."""

import json
import os
import re
from collections.abc import Container, Mapping
from hashlib import blake2b
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sim.batch.plans.chunks import Chunk
from sim.batch.store.durable import unwritable, write_once
from sim.ledger.files.parquet import parquet_bytes

RUNS, FAILED, DAMAGED = "runs", "failed", "damaged"

_PARTIAL = re.compile(r"\.chunk-(\d+)\.parquet\.")

LONG = ("scenario", "overrides")
"""Columns of long texts."""


def chunk_path(directory: Path, table: str, chunk: int) -> Path:
    """Return where a chunk's table lies."""
    return directory / table / f"chunk-{chunk:05d}.parquet"


def write_chunk(directory: Path, chunk: int, tables: Mapping[str, pa.Table], about: Mapping[str, str]) -> int:
    """Write a chunk's tables, `runs` last, and return their bytes; `runs` records the others' rows, size and hash.

    Two processes that write the same chunk write the same bytes, whose renames may come in any order. Raises
    OutputError or SimulationError where a file cannot be written: then the chunk is not done.
    """
    total = 0
    written: dict[str, dict[str, int | str]] = {}
    for name in sorted(tables, key=lambda name: name == RUNS):
        more = {"tables": json.dumps(written, sort_keys=True)} if name == RUNS else {}
        content = parquet_bytes(tables[name], {**about, **more}, LONG)
        write_once(chunk_path(directory, name, chunk), content)
        total += len(content)
        digest = blake2b(content, digest_size=16).hexdigest()
        written[name] = {"rows": tables[name].num_rows, "bytes": len(content), "blake2b": digest}
    return total


def done_chunks(directory: Path) -> set[int]:
    """Return which chunks are done."""
    folder = directory / RUNS
    names = os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208 - a thousand paths are made for nothing else.
    return {int(name[6:-8]) for name in names if name.startswith("chunk-") and name.endswith(".parquet")}


def damage(directory: Path, chunk: Chunk, plan: str, deep: bool = False) -> str | None:
    """Return what is wrong with the files of a chunk that is done, or None.

    `runs` is read to its last page, whose checksums are verified, and has to hold every run of the chunk that did not
    fail; of other tables the size, the footer and the number of rows are looked at, and with `deep` every byte.
    """
    path = chunk_path(directory, RUNS, chunk.index)
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            about = {key.decode(): value.decode() for key, value in (file.metadata.metadata or {}).items()}
            rows = file.read(use_threads=False).num_rows
        others = json.loads(about["tables"])
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:
        return f"{path}: {_first_line(error)}"
    if about.get("plan") != plan:
        return f"{path}: is of plan {about.get('plan')}, not {plan}"
    failed = others.get(FAILED, {"rows": 0})["rows"]
    if rows + failed != chunk.runs:
        return f"{path}: got {rows} runs and {failed} failed, expected {chunk.runs} in all"
    found = (_other_damage(chunk_path(directory, name, chunk.index), told, deep) for name, told in others.items())
    return next(filter(None, found), None)


def _other_damage(path: Path, told: Mapping[str, int | str], deep: bool) -> str | None:
    try:
        size = path.stat().st_size
        if size != told["bytes"]:
            return f"{path}: has {size} bytes, expected {told['bytes']}"
        if deep and blake2b(path.read_bytes(), digest_size=16).hexdigest() != told["blake2b"]:
            return f"{path}: its bytes are not those that were written"
        rows = pq.read_metadata(path).num_rows
    except (OSError, pa.ArrowException) as error:
        return f"{path}: {_first_line(error)}"
    return None if rows == told["rows"] else f"{path}: has {rows} rows, expected {told['rows']}"


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def set_aside(directory: Path, chunk: int) -> None:
    """Move the files of a chunk out of the way, `runs` first, so that it is not done and can be simulated again.

    They go to `damaged`, for whoever wants to know what happened to them.
    """
    for table in sorted(_tables(directory), key=lambda name: name != RUNS):
        path = chunk_path(directory, table, chunk)
        if path.exists():
            target = directory / DAMAGED / f"{table}-{path.name}"
            try:
                target.parent.mkdir(exist_ok=True)
                path.replace(target)
            except OSError as error:
                raise unwritable(target, error) from None


def failed_chunks(directory: Path) -> set[int]:
    """Return which chunks have runs that failed."""
    folder = directory / FAILED
    return {int(path.stem[6:]) for path in folder.glob("chunk-*.parquet")} if folder.is_dir() else set()


def discard(directory: Path, chunk: int) -> None:
    """Remove the files of a chunk, `runs` first, so that it can be simulated again."""
    for table in sorted(_tables(directory), key=lambda name: name != RUNS):
        chunk_path(directory, table, chunk).unlink(missing_ok=True)


def _tables(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir() if path.is_dir() and path.name != DAMAGED]


def sweep(directory: Path, chunks: Container[int]) -> None:
    """Remove what interrupted writing of some chunks, which are done or dropped, has left."""
    for folder in directory.iterdir():
        if folder.is_dir() and not folder.name.startswith("."):
            for path in folder.iterdir():
                found = _PARTIAL.match(path.name)
                if found and int(found[1]) in chunks:
                    path.unlink(missing_ok=True)
