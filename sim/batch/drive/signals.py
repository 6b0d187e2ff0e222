"""Ctrl-C and the polite kill: noticed by whoever asks, so that nothing ends in the middle of a file."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

CAUGHT = (signal.SIGINT, signal.SIGTERM)

Stop = Callable[[], int | None]
"""Returns the signal that asks for the end, None while none does."""


class StoppedError(BaseException):
    """A signal asked for the end; its number is the first argument."""


@contextmanager
def caught() -> Iterator[Stop]:
    """Yield what tells of a signal; a second one acts as it would without this. Only the main thread may catch any."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    before = {number: signal.getsignal(number) for number in CAUGHT}

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)
        _restore(before)

    for number in CAUGHT:
        signal.signal(number, note)
    try:
        yield lambda: received[0] if received else None
    finally:
        _restore(before)


def _restore(before: Mapping[signal.Signals, Any]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)
