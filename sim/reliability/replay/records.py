"""Records of a failure log as a run replays it."""

from dataclasses import dataclass
from typing import NamedTuple

THEN = ("refuse", "nothing", "repeat")
"""What happens when a log ends before its run: that is refused, nothing fails any more, or the log starts again."""


class Logged(NamedTuple):
    """One failure of a log: when after its start, of which component of its class, and how long that is away.

    away_us: time in repair, of a node, or until a part of the network is back; -1 where the log does not say, so that
    the repair shop, or the law of the outage, does.
    """

    at_us: int
    component: int
    away_us: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """How far the logs of a run's failure classes reach, and what happens `then`: one of THEN."""

    end_us: int
    then: str = "refuse"
