"""Files that are whole or not there, also after a power loss: written beside, forced to disk, renamed."""

import errno
import os
from contextlib import suppress
from pathlib import Path
from socket import gethostname

from sim.errors import OutputError, SimulationError, TrainwrightError

REFUSALS = (PermissionError, NotADirectoryError, IsADirectoryError, FileExistsError)
"""What the operating system says of a place that cannot be written at all, rather than of a disk that is full."""


def write_once(path: Path, content: bytes) -> None:
    """Write a file in one go: whoever reads it, whenever, finds all of it or none, and so after a crash.

    The bytes go to a name of this process in the same folder and to the disk, take their name in one rename, and that
    goes to the disk too. Raises what `unwritable` makes of an OSError.
    """
    partial = path.with_name(f".{path.name}.{gethostname()}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not _written(partial, path, content):  # Swept away by who was faster: once more, if need be.
            _written(partial, path, content)
        sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _written(partial: Path, path: Path, content: bytes) -> bool:
    _write(partial, content)
    try:
        partial.replace(path)
    except FileNotFoundError:
        return path.exists()
    return True


def _write(path: Path, content: bytes) -> None:
    with path.open("wb", buffering=0) as file:
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Force a folder's names to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unwritable(path: Path, error: OSError) -> TrainwrightError:
    """Return what to raise: bad input where a place cannot be written, a failure where a disk is full or broken."""
    said = f"{path}: cannot be written: {error.strerror or error}"
    read_only = isinstance(error, REFUSALS) or error.errno == errno.EROFS
    return OutputError(said) if read_only else SimulationError(f"{said}; what was finished before is kept")
