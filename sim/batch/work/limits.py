"""Limits of a run: how long it may take, and how much memory its process may hold meanwhile.

A thread looks every few milliseconds, by a monotonic clock and the resident set of the process (RSS, with what Python
and its libraries take: about 150 MB). Over a limit, an exception is raised in the thread of the run, wherever it is; a
run that does not come back to Python within a grace ends the process, as a kill from outside would.
"""

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from sim.errors import InputError, TrainwrightError

LOOK_S = 0.02
GRACE_S = 10.0
KILLED = 75
"""Exit code of a process whose run did not stop."""

_STATM = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run may take; None: as much as there is."""

    time_s: float | None = None
    memory_bytes: float | None = None


NO_LIMITS = Limits()


class TimeExceededError(TrainwrightError):
    """A run took longer than it may."""


class MemoryExceededError(TrainwrightError):
    """The process of a run held more than it may."""


def check_limits(limits: Limits) -> None:
    """Raise InputError where memory cannot be watched on this system."""
    if limits.memory_bytes is not None and not _STATM.exists():
        raise InputError("--memory-limit: this system has no /proc/self/statm to watch; expected Linux")


def resident_bytes() -> int:
    """Return the resident set of this process."""
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Watch:
    """Watches the runs of one thread, one after the other."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._active = threading.Event()
        self._thread: int = 0
        self._start_s = 0.0
        self._raised_s: float | None = None

    @contextmanager
    def run(self) -> Iterator[None]:
        """Watch what is done inside; raises TimeExceededError or MemoryExceededError there."""
        if self._limits == NO_LIMITS:
            yield
            return
        with self._lock:
            self._thread, self._start_s, self._raised_s = threading.get_ident(), monotonic(), None
            self._active.set()
        try:
            yield
        finally:
            try:
                self._stop()
            except (TimeExceededError, MemoryExceededError):  # Met on the way here: there is only one.
                self._stop()
                raise

    def _stop(self) -> None:
        """Watch no longer; what was raised too late to be met is taken back."""
        with self._lock:
            self._active.clear()
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), None)

    def start(self) -> None:
        """Begin to look, until the process ends."""
        if self._limits != NO_LIMITS:
            threading.Thread(target=self._look, name="limits", daemon=True).start()

    def _look(self) -> None:
        while True:
            self._active.wait()
            threading.Event().wait(LOOK_S)
            with self._lock:
                if self._active.is_set():
                    self._judge()

    def _judge(self) -> None:
        if self._raised_s is not None:
            if monotonic() > self._raised_s + GRACE_S:
                os._exit(KILLED)
            return
        exceeded = self._exceeded()
        if exceeded is not None:
            self._raised_s = monotonic()
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), ctypes.py_object(exceeded))

    def _exceeded(self) -> type[TrainwrightError] | None:
        time_s, memory_bytes = self._limits.time_s, self._limits.memory_bytes
        if time_s is not None and monotonic() - self._start_s > time_s:
            return TimeExceededError
        if memory_bytes is not None and resident_bytes() > memory_bytes:
            return MemoryExceededError
        return None
