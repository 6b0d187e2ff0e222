"""Chunks that nobody can simulate: what killed two workers, with its scenarios, so that it can be looked into."""

import json
from pathlib import Path
from typing import Any

from sim.batch.store.durable import write_once
from sim.batch.work.task import Task
from sim.scenario import canonical_text

FOLDER = "quarantine"


def quarantine(directory: Path, task: Task, reason: str) -> None:
    """Record that a chunk is not tried again, and why."""
    told = {
        "chunk": task.chunk.index,
        "reason": reason,
        "runs": [
            {
                "variant": part.variant,
                "name": part.name,
                "overrides": part.overrides,
                "seeds": part.seeds,
                "scenario": json.loads(canonical_text(part.scenario)),
            }
            for part in task.parts
        ],
    }
    write_once(_path(directory, task.chunk.index), (json.dumps(told, indent=1) + "\n").encode())


def quarantined(directory: Path) -> dict[int, str]:
    """Return the reasons of chunks in quarantine."""
    folder = directory / FOLDER
    if not folder.is_dir():
        return {}
    return {int(path.stem): _reason(path) for path in sorted(folder.glob("[0-9]*.json"))}


def forgive(directory: Path, chunk: int) -> None:
    """Take a chunk out of quarantine, so that it is tried again."""
    _path(directory, chunk).unlink(missing_ok=True)


def _reason(path: Path) -> str:
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return str(told["reason"])
    except (OSError, ValueError, KeyError):
        return "no reason is readable"


def _path(directory: Path, chunk: int) -> Path:
    return directory / FOLDER / f"{chunk:05d}.json"
