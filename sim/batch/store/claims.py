"""Who works on which chunk: a hint against double work, and how far it is. Results never depend on it.

A claim is a file of one line (host, process, runs), followed by a byte a finished run. Its size alone tells how far the
chunk is, whatever any clock says.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socket import gethostname

CLAIMS = ".claims"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Chunk `chunk` is worked on by a process of a host, which has finished so many of its runs."""

    chunk: int
    host: str
    pid: int
    runs: int
    finished: int


def reserve(directory: Path, chunk: int, runs: int) -> bool:
    """Claim a chunk for a worker of this process that will take it over; False where somebody has just done so."""
    path = directory / CLAIMS / f"{chunk}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(_line(runs))
    except FileExistsError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def claimed(directory: Path, chunk: int, runs: int) -> Iterator[Callable[[], None]]:
    """Claim a chunk while the block lasts; yields what to call after each run. A disk that is full is no obstacle."""
    path = directory / CLAIMS / f"{chunk}"
    descriptor = _opened(path, _line(runs))

    def finished() -> None:
        if descriptor is not None:
            with suppress(OSError):
                os.write(descriptor, b".")

    try:
        yield finished
    finally:
        if descriptor is not None:
            os.close(descriptor)
        with suppress(OSError):
            path.unlink()


def _line(runs: int) -> str:
    return json.dumps({"host": gethostname(), "pid": os.getpid(), "runs": runs}) + "\n"


def _opened(path: Path, line: str) -> int | None:
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        with suppress(OSError):
            os.write(descriptor, line.encode())
        return descriptor
    return None


def claims(directory: Path) -> dict[int, Claim]:
    """Return what is claimed, by chunk; of a claim that is not readable (yet) nobody knows whose it is."""
    with suppress(OSError):
        found = [_claim(path) for path in (directory / CLAIMS).iterdir() if path.name.isdecimal()]
        return {claim.chunk: claim for claim in found if claim is not None}
    return {}


def _claim(path: Path) -> Claim | None:
    try:
        line, _, dots = path.read_bytes().partition(b"\n")
    except OSError:
        return None  # Released meanwhile.
    try:
        about = json.loads(line)
        return Claim(chunk=int(path.name), host=about["host"], pid=about["pid"], runs=about["runs"], finished=len(dots))
    except (ValueError, KeyError, TypeError):
        return Claim(chunk=int(path.name), host="", pid=0, runs=0, finished=0)


def release(directory: Path, chunk: int) -> None:
    """Remove a claim that a process left behind."""
    with suppress(OSError):
        (directory / CLAIMS / f"{chunk}").unlink()
