"""Tasks on a Dask cluster: a scheduler elsewhere, or a cluster of this machine made for the batch."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from sim.errors import InputError, SimulationError

Answer = TypeVar("Answer")
Argument = TypeVar("Argument")

CONNECT_S = 30
AHEAD = 2
"""Tasks a worker thread, so that the scheduler has the next one at hand."""


class DaskLanes:
    """The workers of a Dask cluster behind `Client.get_executor`; it hands out again what a dead worker had."""

    def __init__(self, scheduler: str | None, workers: int) -> None:
        self._client, self._cluster = _connected(scheduler, workers)
        self._closed = False
        self._executor = self._client.get_executor(pure=False)
        by_worker = self._client.nthreads()
        threads = sum(by_worker.values())
        if max(by_worker.values(), default=1) > 1:
            self.close(now=True)
            raise InputError(f"--scheduler {scheduler}: has workers of several threads; expected --nthreads 1 of each")
        if threads < 1:
            self.close(now=True)
            raise SimulationError(
                f"--scheduler {scheduler}: has no workers; start some, such as `dask worker {scheduler}`"
            )
        self.capacity = AHEAD * threads

    def submit(self, function: Callable[[Argument], Answer], argument: Argument) -> "Future[Answer]":
        """Hand a task to the scheduler."""
        future: Future[Answer] = self._executor.submit(function, argument)
        return future

    def died(self, error: BaseException) -> bool:
        """Return whether the scheduler gave a task up because workers died of it."""
        from distributed import KilledWorker

        return isinstance(error, KilledWorker)

    def close(self, now: bool) -> None:
        """Leave the cluster; one that was made for the batch ends."""
        if self._closed:
            return
        self._closed = True
        self._executor.shutdown(wait=not now)  # Without waiting it cancels what it has.
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()


def _connected(scheduler: str | None, workers: int) -> tuple[Any, Any]:
    """Return a client, and the cluster that was made for it, None for one that was there."""
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise InputError(
            "--engine dask: Dask is not installed; expected the extra: pip install 'trainwright[dask]'"
        ) from None
    if scheduler is None:
        # A thread a process: simulations hold the interpreter. What becomes of workers the batch says itself; a cluster
        # that ends in the middle of a heartbeat would tell a traceback of that.
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        )
        return Client(cluster), cluster
    try:
        return Client(scheduler, timeout=CONNECT_S), None
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"--scheduler {scheduler}: is not reached: {error or type(error).__name__}") from None
