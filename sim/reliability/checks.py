"""Checks of what a run's plan says of repairs and spares."""

from collections.abc import Collection

from sim.errors import InputError, ScenarioError, unknown_name
from sim.reliability.failures.laws import check_law
from sim.reliability.records import Law, Reorder, RepairPlan, RepairStages, RunPlan, SparePlan


def check_repair(repair: RepairPlan, causes: Collection[str]) -> None:
    """Refuse a repair that cannot be.

    Raises InputError for numbers out of range, ScenarioError for one that never succeeds, UnknownNameError for stages
    of a cause that there is not.
    """
    _check_stages(RepairStages(automatic=repair.automatic, manual=repair.manual), "repair")
    for cause, stages in repair.by_cause.items():
        if cause not in causes:
            raise unknown_name("cause", cause, causes, "repair.by_cause")
        _check_stages(stages, f"repair.by_cause.{cause}")
    if not 0 <= repair.unnoticed <= 1:
        raise InputError(f"repair.silent is {repair.unnoticed}; expected a probability")
    check_law(repair.relapse, "repair.relapse")
    if repair.unnoticed and repair.relapse.mean_s <= 0:
        raise InputError(f"repair.relapse is {repair.relapse.mean_s} s; expected more than 0")
    if repair.retire is not None:
        check_law(repair.retire.replacement or Law(), "repair.replacement")
        if repair.retire.visits < 1 or not repair.retire.within_s > 0:
            raise InputError(
                f"repair.retire: got {repair.retire.visits} visits within {repair.retire.within_s} s; expected at "
                "least 1 within more than 0 s"
            )


def _check_stages(stages: RepairStages, where: str) -> None:
    for name, stage in {"automatic": stages.automatic, "manual": stages.manual}.items():
        check_law(stage.time, f"{where}.{name}")
        if not 0 <= stage.success <= 1:
            raise InputError(f"{where}.{name}: success is {stage.success}; expected a probability")
    if stages.automatic.success < 1 and stages.manual.success == 0:
        raise ScenarioError(f"{where}: where the automatic stage fails, the manual one never succeeds")


def check_spares(plan: RunPlan) -> None:
    """Refuse spares that the cluster does not hold, and domains that its nodes do not fill.

    Raises InputError for numbers out of range, ScenarioError for what does not fit the cluster.

    >>> from sim.reliability.examples import run_plan
    >>> check_spares(run_plan())
    """
    spares = plan.recovery.spares
    powered = 0
    for name, tier in {"hot": spares.hot, "warm": spares.warm}.items():
        if tier is not None:
            check_law(tier.replace, f"recovery.spares.{name}")
            powered += tier.nodes
            if tier.nodes < 1:
                raise InputError(f"recovery.spares.{name}: nodes is {tier.nodes}; expected at least 1")
    if powered > plan.spare_nodes:
        raise ScenarioError(
            f"recovery.spares: {powered:,} are hot or warm, and there are {plan.spare_nodes:,}; expected at most those"
        )
    if spares.per_domain:
        _check_domains(plan, spares)


def _check_domains(plan: RunPlan, spares: SparePlan) -> None:
    domain, each = spares.domain_nodes, spares.per_domain
    if each < 1 or domain < 1 or plan.nodes % domain:
        raise ScenarioError(
            f"recovery.spares.per_domain: got {each} for domains of {domain} of the job's {plan.nodes:,} nodes; "
            "expected at least 1 for each of whole domains"
        )
    rest = plan.spare_nodes - plan.nodes // domain * each
    if rest < 0 or rest % (domain + each):
        raise ScenarioError(
            f"recovery.spares.per_domain: got {plan.spare_nodes:,} spare nodes; expected {each} for each of "
            f"{plan.nodes // domain:,} domains = {plan.nodes // domain * each:,}, and {domain + each} more for each "
            "spare domain"
        )


def check_orders(repair: RepairPlan, nodes: int, spare_nodes: int, *, apart: bool, idle: int | None) -> None:
    """Refuse retirement that nothing makes up for, and orders that cannot be, or with which a job might wait for ever.

    apart: whether scale-up domains have spares of their own; idle: how many nodes a stalled job waits for, None: its
    own. Raises InputError for numbers out of range, ScenarioError for what does not fit the cluster.

    >>> from sim.reliability.examples import run_plan
    >>> check_orders(run_plan().repair, 4, 1, apart=False, idle=None)
    """
    retire, reorder = repair.retire, repair.reorder
    if reorder is None:
        if retire is not None and retire.replacement is None:
            raise ScenarioError("repair.retire: got neither replacement nor reorder; expected what makes up for it")
        return
    if retire is None:
        raise ScenarioError("repair.reorder: got no retire, so that no stock ever falls for good; expected both")
    if retire.replacement is not None:
        raise ScenarioError("repair.reorder: got a replacement for each retired node as well; expected one of them")
    _check_reorder(reorder, spare_nodes)
    if apart:
        raise ScenarioError(
            "repair.reorder: got recovery.spares.per_domain, where each domain has a stock of its own; expected spares "
            "that serve all nodes"
        )
    # What is sure to be there once every order has come: more would be waited for for ever.
    most = nodes + reorder.below + 1
    if idle is not None and min(idle, nodes + spare_nodes) > most:
        raise ScenarioError(
            f"recovery.resume_when_idle: got {idle:,} with repair.reorder.below {reorder.below:,}; expected at most "
            f"{most:,}, as nothing is ordered while that many are there"
        )


def _check_reorder(reorder: Reorder, spare_nodes: int) -> None:
    check_law(reorder.lead, "repair.reorder.lead")
    if reorder.lead.mean_s <= 0:
        raise InputError(f"repair.reorder.lead is {reorder.lead.mean_s} s; expected more than 0")
    if reorder.below < 0 or reorder.order < 1:
        raise InputError(
            f"repair.reorder: got below {reorder.below} and order {reorder.order}; expected at least 0 and 1"
        )
    if reorder.below + reorder.order > spare_nodes:
        raise ScenarioError(
            f"repair.reorder: below + order is {reorder.below + reorder.order:,}; expected at most the "
            f"{spare_nodes:,} of cluster.spare_nodes, as what is ordered takes the places of retired nodes"
        )
