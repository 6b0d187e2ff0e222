"""Records of recovery that know nothing of the others."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticPlan:
    """What of a job can do without the rest: `replicas` data-parallel replicas, of which it steps with min_replicas.

    blocks: the seats that leave the job together where one of them is empty, each of them as many whole replicas; none:
    a block for each replica, of as many seats in a row. min_replicas 0: as few as fit their GPUs, of a model whose plan
    is not made yet. regrow: "at-once" (a planned stop, as soon as spares make a block whole) or "at-restart" (with the
    next recovery, whatever that is for).
    """

    replicas: int
    min_replicas: int = 1
    blocks: tuple[tuple[int, ...], ...] = ()
    regrow: str = "at-once"
