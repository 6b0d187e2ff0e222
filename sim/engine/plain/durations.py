"""What the stages of the recoveries of a plain run take: sums for who waits for them, columns for who tells them."""

from collections.abc import Sequence

import numpy as np

from sim.ledger.time.apportion import Ints
from sim.reliability.failures.slow import causes_of
from sim.reliability.records import RunPlan
from sim.reliability.recovery.draws import RECOVERIES, RecoveryTimes
from sim.reliability.recovery.swaps import COLD, HOT, WARM, Swaps

STAGES = ("detect", "diagnose", "schedule", "replace", "initialize", "restore", "warm_up")
"""The stages in their order."""

FOUND, SELECTED, REPLACED, RESTARTED = 1, 2, 4, 8
"""What was waited for: detection; after it hosts, nodes, and what every restart takes."""

READY, TIER = 16, 128
"""Beside that: how ready nodes are that are not all cold (READY times a bit for each rank), and the tier (TIER times
its number) from which a restart restores."""

# How ready nodes are, by mask.
_RANKS = [[rank for rank in (HOT, WARM, COLD) if mask >> rank & 1] for mask in range(TIER // READY)]


class Durations:
    """What is drawn for each recovery, by its number and its cause (a position in the plan's failures).

    found_us: of every cause, until nodes are replaced; restart_us: by the tier that the job goes back to, without the
    choice of hosts and new nodes.
    """

    __slots__ = (
        "causes",
        "columns",
        "detect_us",
        "drawn",
        "found_us",
        "replace_us",
        "restart_us",
        "restore_us",
        "schedule_us",
        "select_us",
        "swaps",
        "times",
    )

    def __init__(self, plan: RunPlan, restore_us: Sequence[int]) -> None:
        self.causes = causes_of(plan)
        self.times = RecoveryTimes(plan)
        self.swaps = Swaps(plan)
        self.restore_us = np.array(restore_us, np.int64)
        self.draw(RECOVERIES)

    def draw(self, count: int) -> None:
        """Draw the first `count` recoveries."""
        self.drawn = count
        detect, diagnose, requeue, select, replace, initialize, _, warm_up, restores = self.times.columns(count)
        listed: list[list[int]] = [column.tolist() for column in (select, replace, requeue)]
        self.select_us, self.replace_us, self.schedule_us = listed
        # As STAGES, but for the number of restores, then the choice of hosts.
        self.columns = np.stack((detect, diagnose, requeue, replace, initialize, restores, warm_up, select))
        fixed = requeue + initialize + warm_up
        self.restart_us: list[list[int]] = [(fixed + restores * each).tolist() for each in self.restore_us]
        usual: list[int] = (detect + diagnose).tolist()
        self.detect_us: dict[str, Ints] = {}
        self.found_us: list[list[int]] = []
        for cause in self.causes:
            own = self.times.detection(cause, count)
            if own is not None:
                self.detect_us[cause] = own
            self.found_us.append(usual if own is None else (own + diagnose).tolist())

    def spent(self, number: Ints, cause: Ints, kind: Ints) -> Ints:
        """Return what each of STAGES takes in waits: the number and cause of the recovery, and what was waited for."""
        spent, select = self.columns[:-1, number], self.columns[-1, number]
        for index, name in enumerate(self.causes):
            if name in self.detect_us:
                own = cause == index
                spent[0, own] = self.detect_us[name][number[own]]
        spent[:2] *= (kind & FOUND) > 0
        spent[2:] *= (kind & RESTARTED) > 0
        spent[2] += select * ((kind & SELECTED) > 0)
        spent[3] *= (kind & REPLACED) > 0
        for wait in np.flatnonzero(kind // READY % len(_RANKS)).tolist():
            spent[3, wait] = self.replaced_us(int(number[wait]), int(kind[wait]))
        spent[5] *= self.restore_us[kind // TIER]
        return spent

    def replaced_us(self, number: int, kind: int) -> int:
        """Return how long new nodes take: as long as the slowest."""
        cold_us, ranks = self.replace_us[number], _RANKS[kind // READY % len(_RANKS)]
        return self.swaps.replace_us(cold_us, ranks, number) if ranks else cold_us

    def paid_us(self, number: int, kind: int) -> tuple[int, int]:
        """Return after what time of a wait for a restart hosts are chosen, and nodes replaced."""
        hosts_us = self.schedule_us[number] if kind & RESTARTED else 0
        if kind & SELECTED:
            hosts_us += self.select_us[number]
        return hosts_us, hosts_us + self.replaced_us(number, kind) if kind & REPLACED else hosts_us
