"""Evaluations in a directory, a file each: written as they are made, and found again by the next search that asks."""

import json
import os
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from sim import MODEL_VERSION
from sim.batch.optimise.objective import Outcome
from sim.errors import OutputError

PLAN = "optimise.json"


class Store:
    """What a search has evaluated, by the overrides of a point; without a directory it lasts as long as the search."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._known: dict[tuple[str, ...], Outcome] = {}
        self.found = 0

    def get(self, point: tuple[str, ...]) -> Outcome | None:
        """Return what a point came to, if it is known; a file that cannot be read is as good as none."""
        if point not in self._known and self._directory is not None:
            stored = _read(self._directory / _name(point), point)
            if stored is not None:
                self._known[point] = stored
                self.found += 1
        return self._known.get(point)

    def put(self, point: tuple[str, ...], outcome: Outcome) -> None:
        """Keep what a point came to."""
        self._known[point] = outcome
        if self._directory is not None:
            content = {"point": list(point), "samples": list(outcome.samples), "refused": outcome.refused}
            _write(self._directory / _name(point), content)


def open_store(directory: Path | None, plan: Mapping[str, Any]) -> Store:
    """Return the store of a search in a directory. Raises OutputError where the directory holds those of another.

    plan: what decides an evaluation: scenario, metric, seeds. The version of the models does too.
    """
    if directory is None:
        return Store(None)
    content = {"model_version": MODEL_VERSION, **plan}
    path = directory / PLAN
    if path.exists():
        stored = _json(path)
        differs = [key for key in content if not isinstance(stored, dict) or stored.get(key) != content[key]]
        if differs:
            raise OutputError(
                f"{directory}: holds another search: its {differs[0]} differs; expected the same, or a new directory"
            )
    elif directory.exists() and any(directory.iterdir()):
        raise OutputError(f"{directory}: holds no search, and is not empty; expected a new directory")
    else:
        _write(path, content)
    return Store(directory)


def _name(point: Sequence[str]) -> str:
    return f"evaluation-{blake2b(chr(10).join(point).encode(), digest_size=8).hexdigest()}.json"


def _read(path: Path, point: tuple[str, ...]) -> Outcome | None:
    stored = _json(path)
    if not isinstance(stored, dict) or stored.get("point") != list(point):
        return None
    samples, refused = stored.get("samples"), stored.get("refused")
    if not isinstance(samples, list) or not all(isinstance(value, float | int) for value in samples):
        return None
    if not (refused is None or isinstance(refused, str)) or (refused is None and not samples):
        return None
    return Outcome(samples=tuple(map(float, samples)), refused=refused)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(content, allow_nan=False), "utf-8")
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error
