"""What a run used: everything that its bill is a function of, besides prices and terms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sim.cluster.records import BomLine
from sim.ledger.power.energy import EnergyLedger
from sim.ledger.time.time_ledger import Key

US_PER_HOUR = 3_600_000_000

US_PER_DAY = 24 * US_PER_HOUR

US_PER_YEAR = 8766 * US_PER_HOUR
"""Microseconds of a year of 365.25 days."""

US_PER_MONTH = US_PER_YEAR // 12
"""Of the mean month, by which contracts a month are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """Nodes that came together, 0 being the start of the run, and left together, or were there when it ended.

    retired_for: the cause for which they were retired for good, None of those that were there when it ended.
    """

    nodes: int
    from_us: int
    until_us: int
    retired_for: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """What a run holds: `nodes` servers (job and spare) of a catalog name, the bill of its network, one store.

    bill: lines "switch" and "cable" are priced; "server" lines repeat the nodes and are not. nameplate_w: IT watts that
    the facility is sized for. liquid: nodes are cooled by CDUs instead of fans. pue: of a facility so cooled, None
    where the book's holds. tdp_w: of one GPU. lots: all nodes, by when they came and left; none where `nodes` were
    there throughout.
    """

    node: str
    nodes: int
    gpus_per_node: int
    bill: Sequence[BomLine]
    storage: str
    nameplate_w: float
    storage_bytes: float = 0.0
    accelerator: str = ""
    tdp_w: float = 0.0
    liquid: bool = False
    pue: float | None = None
    lots: tuple[Lot, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The physical side of a bill.

    time: GPU-microseconds by (state, cause, phase), net of reversals. visits: to the repair shop, by cause;
    interruptions: of the job, by cause. tokens: retained, None without a model. by_hour_nj: IT energy by hour of the
    day, empty where nobody asked.
    """

    gpus: int
    wall_us: int
    time: Mapping[Key, int]
    energy: EnergyLedger
    assets: Assets
    visits: Mapping[str, int] = field(default_factory=dict)
    interruptions: Mapping[str, int] = field(default_factory=dict)
    tokens: int | None = None
    by_hour_nj: tuple[int, ...] = ()

    @property
    def held_gpu_us(self) -> int:
        """GPU-microseconds that were held: of all GPUs for the whole run, or of each lot from when it came."""
        lots = self.assets.lots
        if not lots:
            return self.gpus * self.wall_us
        return self.assets.gpus_per_node * sum(lot.nodes * (lot.until_us - lot.from_us) for lot in lots)
