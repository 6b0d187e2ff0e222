"""Studies of a second or two, and how tests run them."""

from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, Future
from hashlib import blake2b
from pathlib import Path
from typing import Any

from sim.batch.batch import Settings, run_batch
from sim.batch.drive.lanes import LocalLanes
from sim.batch.drive.signals import Stop
from sim.batch.plans.plan import Plan, plan_of
from sim.batch.store.status import Status
from sim.batch.study import load_study

SHORT = """
name = "short"
question = "How do spares and crews change a week of a small fleet?"
base = "airesim-s1"
replicas = 4

[set]
"cluster.nodes" = 16
"recovery.resume_when_idle" = 16
"failures.causes.0.mean" = "40 d"
"run.work" = "7 d"

[[axes]]
key = "cluster.spare_nodes"
values = [0, 2, 4]

[batch]
chunk = 2
"""


def written(folder: Path, text: str = SHORT) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "study.toml"
    path.write_text(text)
    return path


def plan_from(folder: Path, text: str = SHORT, **asked: Any) -> Plan:
    return plan_of(load_study(str(written(folder, text)), least=1), **asked)


class InlineLanes:
    """The seam without any process: a task is done before it is handed back."""

    capacity = 1

    def submit(self, function: Callable[[Any], Any], argument: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(function(argument))
        except Exception as error:
            future.set_exception(error)
        return future

    def died(self, error: BaseException) -> bool:
        return isinstance(error, BrokenExecutor)

    def close(self, now: bool) -> None:
        """There is nobody to end."""


def local(workers: int) -> Callable[[int], LocalLanes]:
    return lambda tasks: LocalLanes(min(workers, tasks))


def run(
    plan: Plan,
    directory: Path,
    workers: int = 0,
    events: list[Mapping[str, Any]] | None = None,
    stop: Stop = lambda: None,
    **settings: Any,
) -> Status:
    """Run a batch: by so many processes, or by none."""
    told = [] if events is None else events
    return run_batch(
        plan,
        directory,
        Settings(**{"lanes": local(workers) if workers else lambda tasks: InlineLanes(), **settings}),
        told.append,
        stop,
    )


def contents(directory: Path) -> dict[str, str]:
    """Return the hash of every file that belongs to the results."""
    return {
        str(path.relative_to(directory)): blake2b(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
