"""Chunks that others have claimed: taken last, and only when their owner seems gone."""

import os
from collections.abc import Callable
from socket import gethostname
from time import monotonic

from sim.batch.store.claims import Claim

PATIENCE_S = 30.0
"""A claim of a living owner that does not grow for so long is believed no more: at worst a chunk is simulated twice."""


class Others:
    """What is known of the claims of others, by this process' own monotonic clock."""

    def __init__(self, clock: Callable[[], float] = monotonic, patience_s: float = PATIENCE_S) -> None:
        self._clock, self._patience_s = clock, patience_s
        self._seen: dict[int, tuple[Claim, float]] = {}

    def works(self, claim: Claim | None) -> bool:
        """Return whether a chunk is worked on by somebody, as far as its claim tells."""
        if claim is None or (claim.host == gethostname() and not _alive(claim.pid)):
            return False
        seen, since_s = self._seen.get(claim.chunk, (None, 0.0))
        if seen != claim:
            self._seen[claim.chunk] = (claim, self._clock())
            return True
        return self._clock() - since_s < self._patience_s


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
