"""When the store was out, and what that leaves of what is written to it.

A write that an outage cuts into has failed. What is written beside training is then lost: nothing keeps the state until
the store is back, and the next checkpoint is taken when it is due. What the job waits for, a synchronous checkpoint, is
written anew as soon as the store is back.
"""

from bisect import bisect_left, bisect_right

from sim.reliability.records import Tier
from sim.reliability.saving.progress import NEVER_US, Batch, Course, begun_before, begun_us


class Downtime:
    """The outages of a store, in order and apart from each other; the last may go on. why: by which cause and event.

    synchronous: whether the job waits for what it writes. Only who breaks the store and brings it back changes them.

    >>> store = Downtime(synchronous=True)
    >>> store.fails(50)
    >>> store.returns(80)
    >>> [store.written_us(begin_us, 10) for begin_us in (40, 41, 50, 79, 80)]
    [50, 90, 90, 90, 90]
    """

    __slots__ = ("ends_us", "starts_us", "synchronous", "why")

    def __init__(self, *, synchronous: bool) -> None:
        self.synchronous = synchronous
        self.starts_us: list[int] = []
        self.ends_us: list[int] = []
        self.why: list[tuple[str, int]] = []

    @property
    def out(self) -> bool:
        """Whether the store is out."""
        return bool(self.ends_us) and self.ends_us[-1] == NEVER_US

    @property
    def before_us(self) -> int:
        """When the store came back before the outage that goes on, or was last; 0 where it never was out before."""
        return self.ends_us[-2] if len(self.ends_us) > 1 else 0

    def fails(self, now_us: int, why: tuple[str, int] = ("", -1)) -> None:
        """The store is out from now on."""
        self.why.append(why)
        self.starts_us.append(now_us)
        self.ends_us.append(NEVER_US)

    def returns(self, now_us: int) -> None:
        """The store is back."""
        self.ends_us[-1] = now_us

    def written_us(self, begin_us: int, length_us: int) -> int:
        """Return when something is written that is begun anew after every outage; NEVER_US while one goes on."""
        for at in range(bisect_right(self.ends_us, begin_us), len(self.ends_us)):
            if self.starts_us[at] >= _until_us(begin_us, length_us):
                break
            begin_us = self.ends_us[at]
        return NEVER_US if begin_us == NEVER_US else begin_us + length_us

    def first_cut(self, begin_us: int, length_us: int) -> int | None:
        """Return the position of the first outage that is in the way of a write, None where none is."""
        at = bisect_right(self.ends_us, begin_us)
        return at if at < len(self.ends_us) and self.starts_us[at] < _until_us(begin_us, length_us) else None

    def cut(self, begin_us: int, end_us: int) -> bool:
        """Say whether an outage was in the way of a write."""
        at = bisect_left(self.starts_us, max(end_us, begin_us + 1)) - 1
        return at >= 0 and self.ends_us[at] > begin_us

    def newest(self, course: Course, batch: Batch, place: int, tier: Tier, stop_us: int) -> int:
        """Return the place in a batch of the newest checkpoint that the store has, not after `place`; -1: it has none.

        stop_us: when the job stopped, by which what begins at `place` would be durable if the store was never out.
        """
        while place >= 0:
            begin_us, length_us = begun_us(course, batch, place), tier.durable_after_us
            if self.synchronous:
                if self.written_us(begin_us, length_us) <= stop_us:
                    return place
                place -= tier.every
                continue
            if not self.cut(begin_us, begin_us + length_us):
                return place
            at = bisect_left(self.starts_us, _until_us(begin_us, length_us)) - 1
            place = _taken(batch, begun_before(course, batch, self._safe_until_us(at, length_us)), tier)
        return -1

    def lost(self, course: Course, batch: Batch, held: int, tier: Tier, stop_us: int) -> int:
        """Return how many of the first `held` checkpoints of a batch the store does not have, which takes all."""
        if self.synchronous:
            return held - 1 - self.newest(course, batch, held - 1, tier, stop_us)
        count = beyond = 0
        for at in range(bisect_right(self.ends_us, batch.begin_us), len(self.ends_us)):
            first = begun_before(course, batch, self._safe_until_us(at, tier.durable_after_us))
            if first >= held:
                break
            beyond, before = min(begun_before(course, batch, self.ends_us[at]), held), beyond
            count += max(0, beyond - max(first, before))
        return count

    def _safe_until_us(self, at: int, length_us: int) -> int:
        """Return before when a write must begin to end by the begin of an outage."""
        return self.starts_us[at] - max(length_us, 1) + 1


def _until_us(begin_us: int, length_us: int) -> int:
    """Return by when an outage that does not touch a write begins: one that takes no time needs the store too."""
    return begin_us + max(length_us, 1)


def _taken(batch: Batch, count: int, tier: Tier) -> int:
    """Return the place of the newest of the first `count` checkpoints of a batch that a tier takes; below 0: none."""
    return count - 1 - (batch.first + count - 1) % tier.every
