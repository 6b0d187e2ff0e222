"""The same function over many tasks, in processes of their own or in this one."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from sim.batch.processes import processes
from sim.engine.collector import collect_rarely
from sim.errors import SimulationError

Task = TypeVar("Task")
Answer = TypeVar("Answer")

LOADED = ("sim.scenario.load", "sim.batch.compare", "topologies")
"""What nearly every task of a pool needs."""


class Pool:
    """Workers that stay until the pool is closed, so that what a process keeps serves its later tasks."""

    def __init__(self, executor: ProcessPoolExecutor | None) -> None:
        self._executor = executor

    def map(self, function: Callable[[Task], Answer], tasks: Sequence[Task]) -> Iterator[Answer]:
        """Yield the answers of all tasks in order; a function of a module, so that another process finds it."""
        if self._executor is None:
            return map(function, tasks)
        return self._executor.map(function, tasks)


@contextmanager
def pool(workers: int | None, tasks: int) -> Iterator[Pool]:
    """Yield a pool for so many tasks: by default a process a core, none where one would do.

    Raises SimulationError where a process ends early; whatever is raised inside cancels the tasks that wait.
    """
    count = min(workers or os.cpu_count() or 1, tasks)
    if count < 2:
        yield Pool(None)
        return
    try:
        with executor_of(count) as executor:
            try:
                yield Pool(executor)
            except BaseException:
                executor.shutdown(cancel_futures=True)
                raise
    except BrokenProcessPool:
        raise SimulationError(
            "a worker ended early, killed from outside or out of memory; try fewer --workers"
        ) from None


def executor_of(count: int) -> ProcessPoolExecutor:
    """Return an executor of so many processes of this machine."""
    return ProcessPoolExecutor(count, mp_context=processes(*LOADED), initializer=_begin)


def _begin() -> None:
    """Begin a process of a pool: it collects garbage rarely, and ends what it does at Ctrl-C, as this process does."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT,))
    collect_rarely()
