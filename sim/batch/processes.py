"""How processes of this machine are started: from a server that has loaded the simulator once, or each by itself."""

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import forkserver, get_all_start_methods, get_context, resource_tracker
from multiprocessing.context import BaseContext
from types import ModuleType

WORKER = "sim.batch.work.run_chunk"
"""What a worker of a batch is made of."""


def processes(*modules: str) -> BaseContext:
    """Return how processes start that need these modules.

    A fork server where there is one: a process with nothing but what it has loaded, which forks itself for each new
    process, so that loading is paid once. It runs no simulation and reads no table: no thread of a library that has
    begun to work is ever forked. It ends with this process. Elsewhere every process is spawned, and loads for itself.
    """
    if not _forks():
        return get_context("spawn")
    load_ahead(*modules)
    return get_context("forkserver")


def load_ahead(*modules: str) -> None:
    """Let the server load modules from now on, while this process does something else; one that runs stays as it is.

    A module that it cannot import is left to the processes, which say why. The server and all it forks never hear of
    Ctrl-C, which is for this process to answer.
    """
    if _forks():
        _begin(modules)


@contextmanager
def by_itself() -> Iterator[None]:
    """Let what starts inside run nothing of the program that called, and never hear of Ctrl-C, not even as it starts.

    A process that knows of the main program begins by running its file again, with all that this imports. What is
    asked of it must come from modules then.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        with _deaf():
            yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _deaf() -> Iterator[None]:
    """Block Ctrl-C in this thread, and in what it starts for good."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(modules: Sequence[str]) -> None:
    forkserver.set_forkserver_preload([*modules])
    # Before the mask is set: the tracker, when it begins, leaves the signal unblocked.
    resource_tracker.ensure_running()
    with _deaf():
        forkserver.ensure_running()


def _forks() -> bool:
    return "forkserver" in get_all_start_methods()
