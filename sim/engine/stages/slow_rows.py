"""The replicas that hold slow GPUs, as rows of factors: those of every set of slow GPUs in a replica are made once."""

from collections.abc import Collection
from dataclasses import dataclass

from sim.cluster.records import GpuArray
from sim.reliability.failures.slow import Slowed, gpu_factors
from sim.workload.layout import Layout
from sim.workload.slowed import Ranks, Row, ranks_of, row_of, slowed_rows
from sim.workload.stragglers import GRAINS, ReplicaFactors, Speed, replica_factors


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRanks:
    """The ranks of a phase, the GPUs of a node, and the factors of all replicas, differences of a kind included."""

    ranks: Ranks
    node_gpus: int
    factors: ReplicaFactors


def phase_ranks(speed: Speed, layout: Layout, placement: GpuArray, node_gpus: int, seed: int) -> PhaseRanks:
    """Return what a phase's layout makes of the speeds of GPUs; placement: the GPU of each rank."""
    return PhaseRanks(
        ranks=ranks_of(speed, layout, placement, node_gpus, seed),
        node_gpus=node_gpus,
        factors=replica_factors(speed, layout, placement, node_gpus, seed),
    )


class SlowRows:
    """Rows of factors of the replicas of a phase that hold slow GPUs; swing: of the day, in grains."""

    def __init__(self, held: PhaseRanks, swing: int) -> None:
        self.held = held
        self.swing = swing
        self._places: dict[Slowed, tuple[int, ...]] = {}
        self._made: dict[tuple[int, frozenset[Slowed]], tuple[Row, Row, Row]] = {}
        # Those of replicas with one slow GPU, which most are.
        self._alone: dict[tuple[int, Slowed], tuple[Row, Row, Row]] = {}

    def rows(self, slow: Collection[Slowed], *, swung: bool) -> tuple[list[Row], list[Row]]:
        """Return the row of each replica with slow GPUs, without what throttles, and with it and the swing."""
        together: dict[int, list[Slowed]] = {}
        for each in slow:
            for replica in self._places.get(each) or self._placed(each):
                together.setdefault(replica, []).append(each)
        made = [
            (self._alone.get((replica, those[0])) if len(those) == 1 else None) or self._row(replica, those)
            for replica, those in together.items()
        ]
        return [own for own, _, _ in made], [swung_row if swung else hot for _, hot, swung_row in made]

    def _row(self, replica: int, slow: list[Slowed]) -> tuple[Row, Row, Row]:
        """Return the row of a replica without what throttles, with it, and with the swing of the day too."""
        key = replica, frozenset(slow)
        if key not in self._made:
            own, hot = slowed_rows(self.held.ranks, _by_gpu(slow, self.held.node_gpus))[replica]
            hot = own if hot == own else hot
            self._made[key] = own, hot, tuple(round(factor * self.swing / GRAINS) for factor in hot)
        if len(slow) == 1:
            self._alone[replica, slow[0]] = self._made[key]
        return self._made[key]

    def _placed(self, slow: Slowed) -> tuple[int, ...]:
        """Return the rows that hold slow GPUs."""
        rows = {row_of(self.held.ranks, gpu) for gpu in _by_gpu([slow], self.held.node_gpus)}
        self._places[slow] = tuple(sorted(rows - {-1}))
        return self._places[slow]


def _by_gpu(slow: Collection[Slowed], node_gpus: int) -> dict[int, tuple[float, float]]:
    """Return the factors of GPUs by their number in the job, seat by seat."""
    factors = gpu_factors(slow)
    wide = {
        seat * node_gpus + gpu: pair for (seat, own), pair in factors.items() if own < 0 for gpu in range(node_gpus)
    }
    return wide | {seat * node_gpus + gpu: pair for (seat, gpu), pair in factors.items() if gpu >= 0}
