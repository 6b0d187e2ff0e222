"""[cluster.network]: how flows share the fabric, and which algorithms collectives take."""

from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from sim.cluster.fabric.algorithms import ALGORITHMS
from sim.cluster.records import ROUTINGS, SHARINGS
from sim.errors import unknown_name
from sim.scenario.fields import OneOf, QueuePairs, refuse
from sim.scenario.laws import CLOSED


class NetworkForm(BaseModel):
    """How flows share the fabric; what is left out follows from the technology."""

    model_config = CLOSED
    sharing: Annotated[str, OneOf(what="sharing", known=SHARINGS)] | None = None
    routing: Annotated[
        str | None,
        OneOf(what="routing", known=ROUTINGS),
    ] = None
    queue_pairs: QueuePairs | None = None
    in_network_reduction: bool = False
    algorithm: Annotated[
        dict[str, str], Field(description="of a collective: { all-reduce = 'tree' }; what is left out NCCL chooses")
    ] = {}

    @model_validator(mode="after")
    def _check_algorithm(self) -> "NetworkForm":
        for kind, name in self.algorithm.items():
            if kind not in ALGORITHMS:
                raise refuse(f"algorithm: {unknown_name('collective', kind, ALGORITHMS)}")
            if name not in ALGORITHMS[kind]:
                raise refuse(f"algorithm: {unknown_name(f'algorithm of {kind}', name, ALGORITHMS[kind])}")
        return self

    @model_validator(mode="after")
    def _check_read(self) -> "NetworkForm":
        if self.sharing == "ideal" and (self.routing is not None or self.queue_pairs is not None):
            raise refuse("ideal sharing routes nothing; expected no routing and no queue_pairs, or sharing 'max-min'")
        if self.queue_pairs is not None and self.routing not in (None, "ecmp"):
            raise refuse(f"'{self.routing}' routing hashes no queue pairs; expected no queue_pairs, or routing 'ecmp'")
        return self
