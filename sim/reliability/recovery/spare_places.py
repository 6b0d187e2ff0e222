"""Where spares stand when a run begins: in which scale-up domain, and how ready they are.

Nodes of the job come first, then the spares of each of its domains, then whole spare domains. A domain of the job holds
domain_nodes nodes of the job and per_domain spares; without domains all nodes are in one.
"""

from sim.reliability.records import RunPlan


def domain_of(node: int, plan: RunPlan) -> int:
    """Return the domain that a node is in: those of the job come first.

    >>> from dataclasses import replace
    >>> from sim.reliability.examples import run_plan
    >>> from sim.reliability.records import SparePlan
    >>> spares = SparePlan(per_domain=1, domain_nodes=2)
    >>> plan = replace(run_plan(), spare_nodes=5, recovery=replace(run_plan().recovery, spares=spares))
    >>> [domain_of(node, plan) for node in range(9)]
    [0, 0, 1, 1, 0, 1, 2, 2, 2]
    """
    spares = plan.recovery.spares
    if not spares.per_domain:
        return 0
    if node < plan.nodes:
        return node // spares.domain_nodes
    domains, beyond = plan.nodes // spares.domain_nodes, node - plan.nodes
    if beyond < domains * spares.per_domain:
        return beyond // spares.per_domain
    return domains + (beyond - domains * spares.per_domain) // (spares.domain_nodes + spares.per_domain)


def spares_by_readiness(plan: RunPlan) -> list[int]:
    """Return the spares, the hottest first: one of every domain, then another of each, then the spare domains'.

    >>> from sim.reliability.examples import run_plan
    >>> spares_by_readiness(run_plan())
    [4]
    """
    each, nodes = plan.recovery.spares.per_domain, range(plan.nodes, plan.nodes + plan.spare_nodes)
    if not each:
        return list(nodes)
    within = plan.nodes // plan.recovery.spares.domain_nodes * each
    return [*(node for local in range(each) for node in nodes[:within][local::each]), *nodes[within:]]


def powered(plan: RunPlan) -> int:
    """Return how many spares are kept hot or warm.

    >>> from sim.reliability.examples import run_plan
    >>> powered(run_plan())
    0
    """
    spares = plan.recovery.spares
    return sum(tier.nodes for tier in (spares.hot, spares.warm) if tier is not None)


def cold_spares(plan: RunPlan) -> list[int]:
    """Return the spares that are cold when the run begins: under operating clocks they do not age.

    >>> from sim.reliability.examples import run_plan
    >>> cold_spares(run_plan())
    [4]
    """
    return spares_by_readiness(plan)[powered(plan) :]
