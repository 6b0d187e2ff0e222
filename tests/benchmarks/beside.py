"""Two things at the same time, each in processes of its own.

A shared machine's speed drifts within seconds, by more than what is measured: what runs beside each other meets the
same machine.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from threading import Barrier
from typing import TypeVar

Asked = TypeVar("Asked")
Other = TypeVar("Other")

Prepared = Callable[[Callable[[], bool]], Other]
"""What is done until it is told that enough has been done."""

_over: Event
"""Says that what was asked is over; it can only be handed to a process as it starts."""


def beside(
    asked: Callable[[], Asked], prepare: Callable[[], Prepared[Other]], processes: int = 1
) -> tuple[Asked, list[Other]]:
    """Return what something answers, and what others do in the meantime in so many processes, once all are prepared."""
    context = get_context("spawn")
    with context.Manager() as manager:
        begin, over = manager.Barrier(processes + 1), context.Event()
        with ProcessPoolExecutor(processes + 1, mp_context=context, initializer=_keep, initargs=(over,)) as executor:
            others = [executor.submit(_other, prepare, begin) for _ in range(processes)]
            answer = executor.submit(_asked, asked, begin)
            return answer.result(), [other.result() for other in others]


def _keep(over: Event) -> None:
    global _over
    _over = over


def _asked(asked: Callable[[], Asked], begin: Barrier) -> Asked:
    begin.wait()
    try:
        return asked()
    finally:
        _over.set()


def _other(prepare: Callable[[], Prepared[Other]], begin: Barrier) -> Other:
    prepared = prepare()
    begin.wait()
    return prepared(_over.is_set)
