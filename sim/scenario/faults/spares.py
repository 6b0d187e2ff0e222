"""[recovery.spares]: how ready spare nodes are, and whose they are."""

from dataclasses import replace

from pydantic import BaseModel, model_validator

from sim import catalog
from sim.errors import ScenarioError
from sim.reliability.records import RecoveryPlan, SparePlan, SpareTier
from sim.scenario.fields import Count, refuse
from sim.scenario.laws import CLOSED, Duration, law
from sim.scenario.records import Machines


class TierForm(BaseModel):
    """Spares that are powered; replace: what the replace stage takes with one of them."""

    model_config = CLOSED
    nodes: Count
    replace: Duration


class SparesForm(BaseModel):
    """[recovery.spares]: those of cluster.spare_nodes that are hot or warm; the others are cold.

    Hot and warm spares are powered: they age as nodes of the job do, and fail on the shelf. per_domain: spares of each
    scale-up domain of the job, of which the job uses cluster.domain_gpus; only they can replace its nodes.
    """

    model_config = CLOSED
    hot: TierForm | None = None
    warm: TierForm | None = None
    per_domain: Count | None = None

    @model_validator(mode="after")
    def _check_given(self) -> "SparesForm":
        if self.hot is None and self.warm is None and self.per_domain is None:
            raise refuse("got none of hot, warm, per_domain; expected one, or no [recovery.spares]")
        return self


def spares_of(form: SparesForm | None, machines: Machines) -> SparePlan:
    """Return how ready spares are, and whose.

    Raises ScenarioError for more than cluster.spare_nodes, and for domains that the job does not fill.
    """
    if form is None:
        return SparePlan()
    powered = sum(tier.nodes for tier in (form.hot, form.warm) if tier)
    if powered > machines.spare_nodes:
        raise ScenarioError(
            f"recovery.spares: got {powered:,} hot and warm nodes, expected at most the {machines.spare_nodes:,} of "
            "cluster.spare_nodes"
        )
    domain = 0 if form.per_domain is None else _domain_nodes(form.per_domain, machines)
    return SparePlan(hot=_tier(form.hot), warm=_tier(form.warm), per_domain=form.per_domain or 0, domain_nodes=domain)


def with_spares(recovery: RecoveryPlan | None, form: SparesForm | None, machines: Machines) -> RecoveryPlan | None:
    """Return a recovery with the spares that the form states."""
    return None if recovery is None else replace(recovery, spares=spares_of(form, machines))


def domain_room(machines: Machines) -> int:
    """Return how many nodes of a scale-up domain the job leaves to its spares.

    >>> from sim.scenario import load_scenario
    >>> racks = ["cluster.node=gb200-nvl72", "cluster.domain_gpus=64", "cluster.nodes=4"]
    >>> domain_room(load_scenario("tiny", racks).machines)
    2
    """
    node = machines.node
    return max(0, catalog.node(node.name).scale_up_domain - node.scale_up_domain) // node.accelerators


def _tier(form: TierForm | None) -> SpareTier | None:
    return None if form is None else SpareTier(nodes=form.nodes, replace=law(form.replace))


def _domain_nodes(per_domain: int, machines: Machines) -> int:
    """Return the nodes that the job uses of a scale-up domain, all of whose domains have their spares."""
    node, where = machines.node, "recovery.spares.per_domain"
    each = node.scale_up_domain // node.accelerators
    if each < 2:
        raise ScenarioError(f"{where}: a '{node.name}' is a scale-up domain of its own; expected no per_domain")
    room = domain_room(machines)
    if per_domain > room:
        raise ScenarioError(
            f"{where}: got {per_domain:,} in domains of {each + room:,} nodes, of which the job uses {each}; expected "
            + (f"at most {room:,}" if room else "a cluster.domain_gpus that leaves nodes for spares")
        )
    if machines.nodes % each:
        raise ScenarioError(
            f"{where}: got cluster.nodes = {machines.nodes:,}, expected a multiple of the {each} nodes that the job "
            "uses of a scale-up domain (cluster.domain_gpus says how many GPUs those are)"
        )
    domains = machines.nodes // each
    rest = machines.spare_nodes - domains * per_domain
    if rest < 0 or rest % (each + per_domain):
        raise ScenarioError(
            f"cluster.spare_nodes: got {machines.spare_nodes:,}, expected {domains * per_domain:,} ({per_domain} for "
            f"each of {domains:,} domains), and {each + per_domain} more for each whole spare domain"
        )
    return each
