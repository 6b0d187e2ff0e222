"""Hand out the chunks of a plan until all are done: whatever dies meanwhile is handed out again, once."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sim.batch.drive.lanes import Lanes
from sim.batch.drive.signals import Stop, StoppedError
from sim.batch.drive.waiting import Others
from sim.batch.store.chunks import RUNS, chunk_path, sweep
from sim.batch.store.claims import Claim, claims, release, reserve
from sim.batch.store.quarantine import quarantine
from sim.batch.work.run_chunk import run_chunk
from sim.batch.work.task import Done, Task
from sim.errors import TrainwrightError

Tell = Callable[[Mapping[str, Any]], None]
"""Takes what happens: a mapping of plain values, whose `event` says what it is."""

LOOK_S, TELL_S = 0.1, 0.5
DEATHS = 2
"""So many workers that a chunk's tasks may take down."""


class Driver:
    """One process' way through the tasks of a batch."""

    def __init__(self, directory: Path, tasks: Sequence[Task], lanes: Lanes, tell: Tell, stop: Stop) -> None:
        self._directory, self._lanes, self._tell, self._stop = directory, lanes, tell, stop
        self._queue = deque(tasks)
        self._running: dict[Future[Done], Task] = {}
        self._deaths: dict[int, int] = {}
        self._others = Others()
        self._start_s = self._told_s = monotonic()
        self._here = 0
        self.runs = self.failed = 0

    def drive(self) -> None:
        """Return when every task is done, by this process or another, or in quarantine.

        Raises StoppedError after a signal, with the workers ended and nothing half-written; what `run_chunk` raises
        where nothing can be written; tasks under way are dropped then.
        """
        try:
            while self._queue or self._running:
                self._check_stop()
                self._fill()
                self._settle()
                self._tell_progress()
        except BaseException:
            self._drop()
            raise

    def _check_stop(self) -> None:
        number = self._stop()
        if number is not None:
            raise StoppedError(number)

    def _fill(self) -> None:
        """Hand out tasks while workers are free: those that nobody else works on."""
        if len(self._running) >= self._lanes.capacity or not self._queue:
            return
        claimed = claims(self._directory)
        for _ in range(len(self._queue)):
            if len(self._running) >= self._lanes.capacity:
                return
            self._hand_out(self._queue.popleft(), claimed)

    def _hand_out(self, task: Task, claimed: Mapping[int, Claim]) -> None:
        index = task.chunk.index
        if chunk_path(self._directory, RUNS, index).exists():
            self._tell({"event": "elsewhere", "chunk": index, "runs": task.chunk.runs})
        elif self._others.works(claimed.get(index)) or not self._reserved(task, index in claimed):
            self._queue.append(task)
        else:
            self._running[self._lanes.submit(run_chunk, task)] = task

    def _reserved(self, task: Task, stale: bool) -> bool:
        """Claim a chunk, whose claim so far is that of somebody who is gone."""
        if stale:
            release(self._directory, task.chunk.index)
        return reserve(self._directory, task.chunk.index, task.chunk.runs)

    def _settle(self) -> None:
        """Take what has come back, or wait a little for it."""
        done, _ = wait(self._running, timeout=LOOK_S, return_when=FIRST_COMPLETED)
        if not self._running:
            self._wait()
        for future in done:
            task = self._running.pop(future)
            error = future.exception()
            if error is None:
                self._finished(task, future.result())
            elif self._lanes.died(error):
                self._died(task)
            elif isinstance(error, TrainwrightError):
                raise error
            else:
                self._give_up(task, f"{type(error).__name__}: {error}")

    def _wait(self) -> None:
        if self._queue:  # All that is left is claimed by others.
            sleep(LOOK_S)

    def _finished(self, task: Task, done: Done) -> None:
        self.runs, self.failed, self._here = (
            self.runs + done.runs,
            self.failed + done.failed,
            self._here + task.chunk.runs,
        )
        told = {"event": "chunk", "chunk": done.chunk, "runs": done.runs, "failed": done.failed, "bytes": done.bytes}
        self._tell({**told, **({"error": done.said} if done.failed else {})})

    def _died(self, task: Task) -> None:
        """Hand a task out again whose worker died, or give it up the second time."""
        index = task.chunk.index
        release(self._directory, index)
        self._deaths[index] = self._deaths.get(index, 0) + 1
        if self._deaths[index] >= DEATHS:
            self._give_up(task, f"killed its worker {DEATHS} times: out of memory, or from outside")
        else:
            self._queue.appendleft(task)
            self._tell({"event": "resubmitted", "chunk": index})

    def _give_up(self, task: Task, reason: str) -> None:
        quarantine(self._directory, task, reason)
        names = "; ".join(part.name for part in task.parts)
        self._tell({"event": "quarantined", "chunk": task.chunk.index, "reason": reason, "variants": names})

    def _drop(self) -> None:
        """End the workers at once, and take away what their tasks under way have left."""
        self._lanes.close(now=True)
        dropped = {task.chunk.index for task in self._running.values()}
        for index in dropped:
            release(self._directory, index)
        sweep(self._directory, dropped)

    def _tell_progress(self) -> None:
        now_s = monotonic()
        if now_s < self._told_s + TELL_S:
            return
        self._told_s = now_s
        mine = {task.chunk.index for task in self._running.values()}
        under_way = sum(claim.finished for index, claim in claims(self._directory).items() if index in mine)
        left = sum(task.chunk.runs for task in (*self._queue, *self._running.values())) - under_way
        elapsed_s = now_s - self._start_s
        rate = (self._here + under_way) / elapsed_s
        self._tell(
            {
                "event": "progress",
                "runs_left": left,
                "runs_here": self._here + under_way,
                "failed": self.failed,
                "elapsed_s": round(elapsed_s, 3),
                "runs_per_s": round(rate, 3),
                "eta_s": round(left / rate, 1) if rate else None,
            }
        )
