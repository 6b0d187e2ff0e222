"""[recovery] of mode elastic: what a job can do without."""

from sim.errors import ScenarioError
from sim.reliability.recovery.records import ElasticPlan


def elastic_of(
    mode: str, replicas: int | None, min_replicas: int | None, regrow: str | None, nodes: int, data: int | None
) -> ElasticPlan | None:
    """Return the replicas of an elastic job, None of another mode; they divide its nodes evenly.

    data: the data-parallel replicas of a model, whose seats follow from who sits where, as does how few of them fit
    their GPUs; None: the replicas of a given step time are stated, and follow the order of seats. Raises ScenarioError
    for keys that the mode does not read, and for replicas that do not divide the nodes.

    >>> elastic_of("elastic", 4, None, None, 8, None)
    ElasticPlan(replicas=4, min_replicas=1, blocks=(), regrow='at-once')
    """
    if mode != "elastic":
        for name, given in (("replicas", replicas), ("min_replicas", min_replicas), ("regrow", regrow)):
            if given is not None:
                raise ScenarioError(f"recovery.{name}: mode '{mode}' keeps all; expected none, or mode 'elastic'")
        return None
    held = _stated(replicas, nodes) if data is None else _modelled(replicas, data)
    if min_replicas is not None and not 1 <= min_replicas <= held:
        raise ScenarioError(f"recovery.min_replicas: got {min_replicas:,}; expected 1 to {held:,}, the replicas")
    least = min_replicas or (1 if data is None else 0)
    return ElasticPlan(replicas=held, min_replicas=least, regrow=regrow or "at-once")


def _stated(replicas: int | None, nodes: int) -> int:
    if replicas is None:
        raise ScenarioError("recovery.replicas: is missing; mode 'elastic' needs to know how many share the nodes")
    if replicas < 1 or nodes % replicas:
        raise ScenarioError(f"recovery.replicas: got {replicas:,}; expected a divisor of cluster.nodes = {nodes:,}")
    return replicas


def _modelled(replicas: int | None, data: int) -> int:
    if replicas is not None:
        raise ScenarioError(
            f"recovery.replicas: got {replicas:,}, but the replicas of a [model] are those of [parallelism], {data:,}; "
            "expected none"
        )
    return data
