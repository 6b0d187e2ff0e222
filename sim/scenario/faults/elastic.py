"""[recovery] of mode elastic: what a job can do without."""

from sim.errors import ScenarioError
from sim.reliability.records import ElasticPlan


def elastic_of(
    mode: str, replicas: int | None, min_replicas: int | None, nodes: int, *, modelled: bool
) -> ElasticPlan | None:
    """Return the replicas of an elastic job, None of another mode; they divide its nodes evenly, in the order of seats.

    Raises ScenarioError for keys that the mode does not read, replicas that do not divide the nodes, and for a model.

    >>> elastic_of("elastic", 4, None, 8, modelled=False)
    ElasticPlan(replicas=4, min_replicas=1, blocks=())
    """
    if mode != "elastic":
        for name, given in (("replicas", replicas), ("min_replicas", min_replicas)):
            if given is not None:
                raise ScenarioError(f"recovery.{name}: mode '{mode}' keeps all; expected none, or mode 'elastic'")
        return None
    if modelled:
        raise ScenarioError(
            "recovery.mode: 'elastic' does not yet simulate the step of a [model] with fewer replicas; expected "
            "training.step_time instead, or another mode"
        )
    if replicas is None:
        raise ScenarioError("recovery.replicas: is missing; mode 'elastic' needs to know how many share the nodes")
    if replicas < 1 or nodes % replicas:
        raise ScenarioError(f"recovery.replicas: got {replicas:,}; expected a divisor of cluster.nodes = {nodes:,}")
    least = 1 if min_replicas is None else min_replicas
    if not 1 <= least <= replicas:
        raise ScenarioError(f"recovery.min_replicas: got {least:,}; expected 1 to {replicas:,}, the replicas")
    return ElasticPlan(replicas=replicas, min_replicas=least)
