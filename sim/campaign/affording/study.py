"""The cost of a run or a campaign over several seeds, and its ratio to what organisations spend in a year."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sim.batch.seeds import Job, of_seed, prepared_job
from sim.campaign.affording.organisations import Organisation
from sim.campaign.campaign import simulate_campaign
from sim.campaign.records import Campaign
from sim.errors import ScenarioError, unknown_name
from sim.ledger.bill.cost import total_usd
from sim.ledger.explain.cash import cash_view
from sim.scenario import Scenario
from sim.simulate import RunResult, simulate_prepared

BASES = ("accrual", "cash")
"""What is compared: the bill, in which what is owned is used up, or all that is paid, for which it is bought."""

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Costs in USD by seed, in order of the seeds."""

    name: str
    basis: str
    usd: tuple[float, ...]

    def quantile(self, share: float) -> float:
        """Return the cost that a share of seeds stays below, linear between order statistics.

        >>> Costs(name="a", basis="cash", usd=(3.0, 1.0, 2.0)).quantile(0.5)
        2.0
        """
        return float(np.quantile(self.usd, share))


def check_basis(basis: str) -> str:
    """Return a basis; raises UnknownNameError for another."""
    if basis not in BASES:
        raise unknown_name("basis", basis, BASES, "--basis")
    return basis


def run_costs(
    scenario: Scenario,
    source: str,
    overrides: Sequence[str],
    *,
    basis: str,
    replicas: int,
    progress: Progress = lambda fraction, what: None,
) -> Costs:
    """Return what a scenario's run costs under its seed and those after it. Raises ScenarioError without [cost]."""
    if scenario.billing is None:
        raise ScenarioError("cost: is missing; expected a scenario with [cost]: its bill is compared")
    job = Job(key=f"afford {source}", scenario=scenario, source=source, overrides=tuple(overrides))
    usd = []
    for index in range(replicas):
        progress(index / replicas, f"run {index + 1} of {replicas}")
        prepared = of_seed(job, prepared_job(job), scenario.seed + index)
        usd.append(_usd(simulate_prepared(prepared), basis))
    return Costs(name=scenario.name, basis=basis, usd=tuple(usd))


def _usd(result: RunResult, basis: str) -> float:
    assert result.costs is not None and result.usage is not None, "a scenario with [cost] has a bill"
    if basis == "accrual":
        return float(total_usd(result.costs))
    assert result.scenario.billing is not None, "as above"
    return cash_view(result.usage, result.costs, result.scenario.billing.terms).cash / 1e6


def campaign_costs(
    campaign: Campaign, *, basis: str, replicas: int, progress: Progress = lambda fraction, what: None
) -> Costs:
    """Return what a campaign costs under its seed and those after it; what others use of its assets is not in it."""
    usd = []
    for index in range(replicas):
        progress(index / replicas, f"campaign {index + 1} of {replicas}")
        result = simulate_campaign(replace(campaign, seed=campaign.seed + index))
        accrued = sum(charge.micro_usd for charge in result.charges)
        paid = sum(bill.cash for bill in result.bills) + sum(charge.micro_usd for charge in result.shared)
        usd.append((accrued if basis == "accrual" else paid) / 1e6)
    return Costs(name=campaign.name, basis=basis, usd=tuple(usd))


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """An organisation and the median cost over its annual capital expenditure; None where that is not known."""

    organisation: Organisation
    ratio: float | None

    def below(self, threshold: float | None) -> bool | None:
        """Return whether the ratio is below a threshold; None where there is no ratio, or no threshold."""
        return None if self.ratio is None or threshold is None else self.ratio < threshold


def shares(costs: Costs, organisations: Sequence[Organisation]) -> tuple[Share, ...]:
    """Return every organisation with its ratio, the smallest first, those without a figure last.

    >>> table = [Organisation(name=name, annual_capex_usd=usd) for name, usd in (("a", None), ("b", 10.0), ("c", 40.0))]
    >>> found = shares(Costs(name="run", basis="cash", usd=(2.0,)), table)
    >>> [(share.organisation.name, share.ratio, share.below(0.1)) for share in found]
    [('c', 0.05, True), ('b', 0.2, False), ('a', None, None)]
    """
    median = costs.quantile(0.5)
    found = [
        Share(organisation=each, ratio=median / each.annual_capex_usd if each.annual_capex_usd else None)
        for each in organisations
    ]
    return tuple(sorted(found, key=lambda share: (share.ratio is None, share.ratio or 0.0)))
