"""The plan of a directory: written once, never changed, compared with what is asked for."""

import json
import os
from pathlib import Path
from socket import gethostname
from typing import Any

from sim import MODEL_VERSION
from sim.batch.plans.plan import Plan, plan_text
from sim.batch.store.durable import sync_folder, unwritable
from sim.errors import InputError, OutputError

PLAN = "plan.json"
SECOND = "plan-2.json"


def begin(directory: Path, plan: Plan) -> bool:
    """Write the plan of a batch into its directory, or find the same one there; returns whether it was there.

    Raises OutputError for a directory that holds something else: another study, other models, no batch.
    """
    text = plan_text(plan)
    found = stored_plan(directory)
    if found is None:
        if directory.is_dir() and any(not name.startswith(".") for name in os.listdir(directory)):  # noqa: PTH208
            raise OutputError(f"{directory}: exists already and holds no batch; expected a new directory, or a batch's")
        found = write_first(directory / PLAN, text)
    if found != text:
        raise OutputError(_difference(directory, found, text))
    return True


def stored_plan(directory: Path) -> str | None:
    """Return the text of the plan in a directory, None where there is none."""
    return read_if_there(directory / PLAN)


def read_if_there(path: Path) -> str | None:
    """Return the text of a file, None where there is none. Raises OutputError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise OutputError(f"{path}: cannot be read: {reason}") from None


def write_first(path: Path, text: str) -> str:
    """Write a file unless there is one, and return what it holds then: of two processes, the first has its way."""
    partial = path.with_name(f".{path.name}.{gethostname()}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(partial, path)
        except FileExistsError:
            return read_if_there(path) or ""
        finally:
            partial.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from None
    return text


def parsed_plan(directory: Path) -> dict[str, Any]:
    """Return the plan in a directory. Raises InputError where there is none, or it is no plan."""
    text = stored_plan(directory)
    if text is None:
        raise InputError(f"{directory}: holds no batch: there is no {PLAN}; expected what `batch --out` wrote")
    return parsed(directory, text)


def parsed(directory: Path, text: str) -> dict[str, Any]:
    """Return a plan from its text. Raises InputError."""
    try:
        found = json.loads(text)
        found["model_version"], found["study"], found["chunks"], found["variants"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{directory / PLAN}: is no plan of a batch; choose another directory") from None
    assert isinstance(found, dict), "it has keys"
    return found


def stored_second(directory: Path) -> dict[str, Any] | None:
    """Return the plan of the second stage in a directory, None where it is not planned. Raises InputError."""
    text = read_if_there(directory / SECOND)
    if text is None:
        return None
    try:
        found = json.loads(text)
        found["replicas"], found["plan"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{directory / SECOND}: is no plan of a second stage; remove it to plan anew") from None
    assert isinstance(found, dict), "it has keys"
    return found


def _difference(directory: Path, found: str, asked: str) -> str:
    """Return why a directory's plan is not the one asked for."""
    there, here = parsed(directory, found), json.loads(asked)
    other = "expected another --out, or --force to begin anew"
    if there["model_version"] != MODEL_VERSION:
        return f"{directory}: was begun by models {there['model_version']}, these are {MODEL_VERSION}; {other}"
    if there["study"] != here["study"]:
        return f"{directory}: holds the study '{there['study']}', not '{here['study']}'; {other}"
    keys = [key for key in here if there.get(key) != here[key]]
    return f"{directory}: holds this study with other {', '.join(keys) or 'keys'}; {other}"
