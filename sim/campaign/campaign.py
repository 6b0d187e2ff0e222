"""A campaign from its runs to its bill: simulate each, place them on the calendar, price what is held."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sim.campaign.money import AssetBill, Charge, asset_bill, shared_charges
from sim.campaign.outcome import Outcome, Progress, outcomes
from sim.campaign.queue import Slot, Task, schedule
from sim.campaign.records import OTHERS, Campaign
from sim.campaign.usage import Held, held_of

Keep = Callable[[Outcome], None]
"""Called with every outcome while its run is still whole: to write its results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignResult:
    """Everything about a campaign: outcomes and when they ran, assets as they were held, and what all of it cost."""

    campaign: Campaign
    outcomes: tuple[Outcome, ...]
    slots: tuple[Slot, ...]
    held: tuple[Held, ...]
    bills: tuple[AssetBill, ...]
    shared: tuple[Charge, ...]

    @property
    def charges(self) -> tuple[Charge, ...]:
        """All that the campaign pays."""
        return (*(charge for bill in self.bills for charge in bill.charges if charge.kind != OTHERS), *self.shared)

    @property
    def of_others(self) -> tuple[Charge, ...]:
        """What others pay for their use of the assets."""
        return tuple(charge for bill in self.bills for charge in bill.charges if charge.kind == OTHERS)


def simulate_campaign(
    campaign: Campaign,
    progress: Progress = lambda fraction, what: None,
    keep: Keep = lambda outcome: None,
    allow_plugins: bool = False,
) -> CampaignResult:
    """Return a campaign with its calendar and its bill.

    Runs are simulated first, each alone: what shares a cluster does not slow another (their nodes are apart; an
    oversubscribed core that both cross is not modelled). Raises InputError, SimulationError as a run does, and where a
    run never begins or outlasts its asset.
    """
    done = []
    for outcome in outcomes(campaign, progress, allow_plugins):
        keep(outcome)
        done.append(replace(outcome, result=None))
    progress(0.95, "calendar and bill")
    return billed(campaign, done)


def billed(campaign: Campaign, done: Sequence[Outcome]) -> CampaignResult:
    """Return the calendar and the bill of outcomes that are known."""
    slots = placed(campaign, done)
    held = []
    for asset in campaign.assets:
        mine = [index for index, outcome in enumerate(done) if outcome.entry.asset == asset.name]
        held.append(held_of(asset, [done[i] for i in mine], [slots[i] for i in mine]))
    bills = tuple(asset_bill(each, campaign) for each in held)
    return CampaignResult(
        campaign=campaign,
        outcomes=tuple(done),
        slots=slots,
        held=tuple(held),
        bills=bills,
        shared=tuple(shared_charges(campaign)),
    )


def placed(campaign: Campaign, done: Sequence[Outcome]) -> tuple[Slot, ...]:
    """Return when each outcome runs, in their order; an attempt follows the one before it."""
    names: dict[str, list[str]] = {}
    for outcome in done:
        names.setdefault(outcome.entry.name, []).append(outcome.name)
    tasks = [_task(campaign, outcome, names) for outcome in done]
    nodes = {asset.name: asset.nodes for asset in campaign.assets}
    by_name = {slot.task.name: slot for slot in schedule(tasks, nodes, campaign.policy)}
    return tuple(by_name[task.name] for task in tasks)


def _task(campaign: Campaign, outcome: Outcome, names: dict[str, list[str]]) -> Task:
    entry = outcome.entry
    before = [name for other in entry.after for name in names[other]]
    if outcome.attempt > 1:
        ordinal = names[entry.name].index(outcome.name)
        before.append(names[entry.name][ordinal - 1])
    return Task(
        name=outcome.name,
        asset=entry.asset,
        nodes=entry.nodes,
        duration_us=outcome.wall_us,
        after=tuple(before),
        not_before_us=entry.not_before_us,
    )
