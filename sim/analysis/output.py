"""What a validation leaves in a directory: answers as they come, then tables and pages, each whole or not there."""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim.errors import OutputError

ANSWERS = "answers.jsonl"
"""Answers by row as they come: what a validation that was interrupted goes on from."""

OURS = (ANSWERS, "rows.parquet", "validation.json", "page.html")


def open_directory(directory: Path, force: bool) -> Path:
    """Return the file of answers of a directory, which is made, or goes on if it holds a validation.

    force: takes a directory that holds something else, and simulates every row anew. Raises OutputError for a file,
    and without force for a directory of others.
    """
    try:
        if directory.exists() and not directory.is_dir():
            raise OutputError(f"--out {directory}: is a file; expected a directory")
        if directory.exists():
            foreign = sorted(path.name for path in directory.iterdir() if not _is_ours(path.name))
            if foreign and not force:
                raise OutputError(
                    f"--out {directory}: holds {foreign[0]}, which no validation wrote; expected an empty or new "
                    "directory, or --force"
                )
        directory.mkdir(parents=True, exist_ok=True)
        if force:
            (directory / ANSWERS).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"--out {directory}: cannot be written: {error.strerror or error}") from None
    return directory / ANSWERS


def _is_ours(name: str) -> bool:
    """Return whether a validation wrote a file, whole or, when it was killed, in part."""
    return name in OURS or any(name.startswith(f".{ours}.") for ours in OURS)


def write_validation(directory: Path, answer: Mapping[str, Any], page: str) -> None:
    """Write the table of rows, the answer and the page. Raises OutputError."""
    try:
        _replaced(directory / "rows.parquet", _parquet(answer["rows"]))
        _replaced(directory / "validation.json", (json.dumps(answer, indent=1) + "\n").encode())
        _replaced(directory / "page.html", page.encode())
    except OSError as error:
        raise OutputError(f"--out {directory}: cannot be written: {error.strerror or error}") from None


def _parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    plain = [
        {
            **{key: value for key, value in row.items() if key not in ("waterfall", "filled")},
            "filled": ", ".join(row["filled"]),
            **{f"fraction_{state}": value for state, value in row["waterfall"].items()},
        }
        for row in rows
    ]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(plain), sink, compression="zstd")
    return bytes(sink.getvalue())


def _replaced(path: Path, content: bytes) -> None:
    """Write a file under another name first, so that whoever reads never sees a part."""
    handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)
