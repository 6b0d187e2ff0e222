"""Records of a campaign: assets, runs, people and data, resolved, with nothing left to look up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from sim.cluster.records import BomLine
from sim.scenario.records import Billing, Machines

KINDS = (
    *("ablation", "partial", "final", "restart", "failed", "evaluation", "safety", "post-training", "distillation"),
    *("data", "others"),
)
"""What a run is for. `failed` is also what an attempt becomes that a fault ends; `others` is no run of the campaign."""

OTHERS = "others"
"""Kind of what somebody else does with the assets."""

POLICIES = ("in-order", "first-fit")
"""What waits behind a run that does not fit yet: everything that is ready, or only what does not fit either."""

US_PER_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A cluster that runs share, held from one instant to another (None: the end of its last run).

    machines: of all its nodes, spares included; bill: of its network. shared: that it is paid for whether it is used or
    not; otherwise (on demand, spot) only while a run holds nodes.
    """

    name: str
    machines: Machines
    bill: tuple[BomLine, ...]
    billing: Billing
    from_us: int = 0
    until_us: int | None = None

    @property
    def nodes(self) -> int:
        """Nodes that runs can have."""
        return self.machines.nodes + self.machines.spare_nodes

    @property
    def gpus_per_node(self) -> int:
        """GPUs of a node."""
        return self.machines.node.accelerators

    @property
    def shared(self) -> bool:
        """Whether idle nodes are paid for."""
        return self.billing.acquisition in HELD


HELD = ("own", "reserved", "colocation")
"""Acquisitions that are paid for whether something runs or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Work whose GPU-time is given and not simulated; source: who says so. flop: of it, None where that is unknown."""

    gpu_us: int
    source: str
    flop: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEntry:
    """One entry of a campaign: `count` runs alike, of which each may begin anew after a fault, up to `attempts` times.

    tree: the keys of the scenario, None where the work is given. nodes: of each run, its spares included. after: names
    of entries that must have ended, whatever their outcome.
    """

    name: str
    kind: str
    label: str
    asset: str
    nodes: int
    count: int = 1
    attempts: int = 1
    after: tuple[str, ...] = ()
    not_before_us: int = 0
    tree: Mapping[str, Any] | None = None
    given: Given | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarTeam:
    """People from a day (inclusive) to another (exclusive), paid by the calendar whatever the runs do."""

    name: str
    fte: float
    start: date
    end: date


@dataclass(frozen=True, slots=True, kw_only=True)
class DataLump:
    """What data cost as a whole; source: who says so."""

    name: str
    usd: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedSum:
    """A published figure of several runs together, and what it holds that they do not.

    figure: "gpu_hours" or "job_gpu_hours" of the entries named in runs. gap: (what, GPU-hours or None where unknown).
    """

    figure: str
    runs: tuple[str, ...]
    value: float
    source: str
    gap: tuple[tuple[str, float | None], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """Everything about a campaign; source: what errors about it begin with; notes: said with its results."""

    name: str
    source: str
    start: date
    seed: int
    policy: str
    assets: tuple[Asset, ...]
    runs: tuple[RunEntry, ...]
    teams: tuple[CalendarTeam, ...] = ()
    data: tuple[DataLump, ...] = ()
    published: tuple[PublishedSum, ...] = ()
    notes: tuple[str, ...] = ()


def team_years(team: CalendarTeam) -> Fraction:
    """Return the years (of 365.25 days) that a team is paid.

    >>> from datetime import date
    >>> team_years(CalendarTeam(name="infra", fte=2, start=date(2024, 1, 1), end=date(2025, 1, 1)))
    Fraction(488, 487)
    """
    return Fraction((team.end - team.start).days) / Fraction(1461, 4)
