"""Progress of a long simulation on stderr: a bar on a terminal, a plain line now and then elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TextIO

Report = Callable[[float, str], None]
"""Takes the fraction done, from 0 to 1, and what is being done."""

PATIENCE_S = 1.0
INTERVAL_S = 2.0


@contextmanager
def progress(stream: TextIO, clock: Callable[[], float] = monotonic) -> Iterator[Report]:
    """Yield a report: nothing in the first second, then a bar on a terminal, or a line every two seconds."""
    if stream.isatty():
        with _bar(stream, clock) as report:
            yield report
    else:
        yield _lines(stream, clock)


def _lines(stream: TextIO, clock: Callable[[], float]) -> Report:
    next_s = clock() + PATIENCE_S

    def report(fraction: float, what: str) -> None:
        nonlocal next_s
        if clock() >= next_s:
            next_s = clock() + INTERVAL_S
            print(f"{what}: {100 * fraction:.0f} %", file=stream, flush=True)

    return report


@contextmanager
def _bar(stream: TextIO, clock: Callable[[], float]) -> Iterator[Report]:
    """Draw with rich, which is loaded and started only once the second is over."""
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(file=stream), transient=True)
    task = bar.add_task("", total=1.0)
    start_s = clock()

    def report(fraction: float, what: str) -> None:
        bar.update(task, completed=fraction, description=what)
        if clock() - start_s >= PATIENCE_S:
            bar.start()

    try:
        yield report
    finally:
        bar.stop()
