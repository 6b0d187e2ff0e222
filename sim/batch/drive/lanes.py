"""Where tasks go: one seam, `concurrent.futures.Executor`, behind which workers may die.

A local worker is an executor of one process, so that a death tells whose task it was, and breaks nobody else's.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from time import sleep
from typing import Any, Protocol, TypeVar

from sim.batch.processes import WORKER, by_itself, processes

Answer = TypeVar("Answer")
Argument = TypeVar("Argument")

TRIES, LOOK_S = 3, 0.1
"""How often a worker is begun anew, and after how long: a server that was killed takes a moment to be gone."""


class Lanes(Protocol):
    """Workers that take tasks. capacity: how many tasks at once."""

    @property
    def capacity(self) -> int: ...

    def submit(self, function: Callable[[Argument], Answer], argument: Argument) -> "Future[Answer]": ...

    def died(self, error: BaseException) -> bool:
        """Return whether an error of a task says that its worker died."""
        ...

    def close(self, now: bool) -> None:
        """End the workers; now: without waiting for their tasks."""
        ...


class LocalLanes:
    """Processes of this machine, started together, each of which takes a task at a time."""

    def __init__(self, workers: int) -> None:
        self._free = [_handed(_Worker(), _ready, None)[0] for _ in range(workers)]
        self._busy: dict[Future[Any], _Worker] = {}
        self.capacity = workers

    def submit(self, function: Callable[[Argument], Answer], argument: Argument) -> "Future[Answer]":
        """Hand a task to a free worker; there is one where no more tasks are under way than the capacity."""
        for future in [future for future in self._busy if future.done()]:
            worker = self._busy.pop(future)
            self._free.append(worker.replaced() if _broke(future) else worker)
        worker, future = _handed(self._free.pop(), function, argument)
        self._busy[future] = worker
        return future

    def died(self, error: BaseException) -> bool:
        """Return whether an error of a task says that its worker died."""
        return isinstance(error, BrokenExecutor)

    def close(self, now: bool) -> None:
        """End the workers; now: without waiting for their tasks."""
        workers = [*self._free, *self._busy.values()]
        for worker in workers if now else ():
            worker.lifeline.close()
        for worker in workers:
            worker.end()


def _handed(
    worker: "_Worker", function: Callable[[Argument], Answer], argument: Argument
) -> "tuple[_Worker, Future[Answer]]":
    """Hand a task to a worker, or to another in its place: it died with nothing to do, or the server is just dying."""
    for _ in range(TRIES):
        try:
            return worker, worker.submit(function, argument)
        except (BrokenExecutor, EOFError, OSError):
            worker = worker.replaced()
            sleep(LOOK_S)
    return worker, worker.submit(function, argument)


def _broke(future: Future[Any]) -> bool:
    return not future.cancelled() and isinstance(future.exception(), BrokenExecutor)


class _Worker:
    """An executor of one process, which ends with the other end of its lifeline."""

    def __init__(self) -> None:
        self._theirs, self.lifeline = Pipe(duplex=False)
        self._executor: Executor = ProcessPoolExecutor(
            1, mp_context=processes(WORKER), initializer=_begin, initargs=(self._theirs,)
        )

    def submit(self, function: Callable[[Argument], Answer], argument: Argument) -> "Future[Answer]":
        """Hand over a task, of a function of a module; the first one starts the process."""
        with by_itself():
            return self._executor.submit(function, argument)

    def replaced(self) -> "_Worker":
        """End this worker, whose process is dead, and return another."""
        self.end()
        return _Worker()

    def end(self) -> None:
        """Wait for the process to end."""
        self._executor.shutdown(wait=True, cancel_futures=True)
        self.lifeline.close()
        self._theirs.close()


def _ready(_: None) -> None:
    """Do nothing: whoever does has begun."""


def _begin(lifeline: Connection) -> None:
    """Begin a worker's life, which ends with its parent's: load what tasks are made of, while no task waits for it."""
    threading.Thread(target=_follow, args=(lifeline,), name="lifeline", daemon=True).start()
    import sim.batch.work.run_chunk  # noqa: F401
    from sim.engine.collector import collect_rarely

    collect_rarely()


def _follow(lifeline: Connection) -> None:
    """End this process when nobody holds the other end any more: the parent closed it, or is dead."""
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os._exit(0)
