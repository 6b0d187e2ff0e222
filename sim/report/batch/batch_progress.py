"""Progress of a batch: a bar on a terminal, plain lines elsewhere, one JSON object a line for programs."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any, TextIO

from sim.report.batch.batch_report import estimate_line, event_line, plan_lines, progress_line

Tell = Callable[[Mapping[str, Any]], None]

FIRST_S, INTERVAL_S = 0.5, 2.0


@contextmanager
def batch_progress(
    stream: TextIO, out: TextIO, as_json: bool, clock: Callable[[], float] = monotonic
) -> Iterator[Tell]:
    """Yield what takes events: JSON goes to `out`; the plan and whatever somebody should know of goes to `stream`."""
    if as_json:
        yield lambda told: print(json.dumps(told, allow_nan=False), file=out, flush=True)
    elif stream.isatty():
        with _bar(stream) as tell:
            yield tell
    else:
        yield _Lines(stream, clock)


class _Lines:
    """A line at the start, then one every two seconds at most; what is out of the ordinary at once."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream, self._clock = stream, clock
        self._total = 0
        self._next_s = clock() + FIRST_S

    def __call__(self, told: Mapping[str, Any]) -> None:
        for line in self._lines(told):
            print(line, file=self._stream, flush=True)

    def _lines(self, told: Mapping[str, Any]) -> list[str]:
        match told["event"]:
            case "plan":
                self._total = told["runs_left"]
                return plan_lines(told)
            case "estimate":
                return [estimate_line(told)]
            case "progress" if self._clock() >= self._next_s:
                self._next_s = self._clock() + INTERVAL_S
                return [progress_line(self._total - told["runs_left"], self._total, told)]
            case _:
                line = event_line(told)
                return [] if line is None else [line]


@contextmanager
def _bar(stream: TextIO) -> Iterator[Tell]:
    """Draw with rich, which is loaded only here; lines go above the bar."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(file=stream)
    bar = Progress(TextColumn("{task.description}"), BarColumn(), console=console, transient=True)
    task = bar.add_task("", total=None)
    lines = _Lines(stream, lambda: -1.0)  # Of progress it says nothing: the bar does.
    total = 0

    def tell(told: Mapping[str, Any]) -> None:
        nonlocal total
        if told["event"] == "plan":
            total = told["runs_left"]
            bar.update(task, total=total, completed=0)
        if told["event"] == "progress":
            done = total - told["runs_left"]
            bar.update(task, completed=done, description=progress_line(done, total, told))
            return
        for line in lines._lines(told):
            bar.print(line, markup=False, highlight=False)

    with bar:
        yield tell
