"""What all runs on an asset used together, so that it is priced once; each amount still says which run it is of.

The cause of every key begins with the number of its run, so that a bill of the whole comes apart by run again: its
largest-remainder splits are then splits over runs too, and nothing is lost between the parts and the whole.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sim.campaign.outcome import Outcome
from sim.campaign.queue import Slot, idle_node_us
from sim.campaign.records import Asset
from sim.errors import SimulationError
from sim.ledger.bill.usage import Assets, Usage
from sim.ledger.power.energy import (
    EnergyLedger,
    gpu_power_w,
    nameplate_w,
    network_power_w,
    peak_it_w,
    storage_power_w,
)
from sim.ledger.time.apportion import split
from sim.ledger.time.states import OUTSIDE_PHASE
from sim.ledger.time.time_ledger import Key

IDLE = -1
"""Number of the time that no run uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An asset as it was held: from when until when, the runs on it in order, and its idle GPU-microseconds."""

    asset: Asset
    from_us: int
    until_us: int
    outcomes: tuple[Outcome, ...]
    slots: tuple[Slot, ...]
    idle_us: int

    @property
    def wall_us(self) -> int:
        """How long it was held."""
        return self.until_us - self.from_us

    @property
    def gpus(self) -> int:
        """All its GPUs."""
        return self.asset.nodes * self.asset.gpus_per_node


def held_of(asset: Asset, outcomes: Sequence[Outcome], slots: Sequence[Slot]) -> Held:
    """Return an asset with what ran on it; slots in the order of outcomes.

    Raises SimulationError for a run that ends after the asset is given back, and where GPU-time is lost or made:
    GPUs x time held = runs + idle, to the microsecond.
    """
    until_us = max((slot.end_us for slot in slots), default=asset.from_us) if asset.until_us is None else asset.until_us
    for slot in slots:
        if slot.end_us > until_us:
            late = (slot.end_us - until_us) / 86_400e6
            raise SimulationError(
                f"run '{slot.task.name}' ends {late:.1f} days after asset '{asset.name}' is given back"
            )
    idle_us = idle_node_us(slots, asset.nodes, asset.from_us, until_us) * asset.gpus_per_node
    held = Held(
        asset=asset,
        from_us=asset.from_us,
        until_us=until_us,
        outcomes=tuple(outcomes),
        slots=tuple(slots),
        idle_us=idle_us,
    )
    used_us = sum(outcome.held_us for outcome in outcomes)
    if used_us + idle_us != held.gpus * held.wall_us:
        raise SimulationError(
            f"asset '{asset.name}': runs hold {used_us} and idle is {idle_us} GPU-us; expected {held.gpus} GPUs x "
            f"{held.wall_us} us together"
        )
    return held


def tagged(number: int, cause: str) -> str:
    """Return a cause that says of which run it is.

    >>> untagged(tagged(3, "Faulty GPU"))
    (3, 'Faulty GPU')
    """
    return f"{number}/{cause}"


def untagged(cause: str) -> tuple[int, str]:
    """Return the number of a run and the cause itself; what has no number is nobody's."""
    number, slash, rest = cause.partition("/")
    return (int(number), rest) if slash else (IDLE, cause)


def _keyed(amounts: Mapping[Key, int], number: int) -> Iterator[tuple[Key, int]]:
    return ((key._replace(cause=tagged(number, key.cause)), amount) for key, amount in amounts.items())


def joint_usage(held: Held) -> Usage:
    """Return what a whole asset used: the sum of its runs, its idle nodes, and its network and store while it was held.

    Idle GPUs draw idle power; network and store draw theirs all the time, shared out by GPU-time.
    """
    time: dict[Key, int] = {}
    node_nj: dict[Key, int] = {}
    for number, outcome in enumerate(held.outcomes):
        time.update(_keyed(outcome.time, number))
        node_nj.update(_keyed(outcome.node_nj, number))
    machines = held.asset.machines
    idle = Key("idle", tagged(IDLE, ""), OUTSIDE_PHASE)
    if held.idle_us:
        time[idle] = held.idle_us
        node_nj[idle] = held.idle_us * round(1000 * gpu_power_w(machines.accelerator, machines.node)["idle"])
    chips_nj = held.idle_us * round(1000 * machines.accelerator.idle_w) + sum(o.chips_nj for o in held.outcomes)
    return Usage(
        gpus=held.gpus,
        wall_us=held.wall_us,
        time=time,
        energy=_energy(held.asset, held.asset.nodes, held.wall_us, time, node_nj, chips_nj),
        assets=assets_of(held.asset),
        visits=_counts(outcome.visits for outcome in held.outcomes),
        interruptions=_counts(outcome.interruptions for outcome in held.outcomes),
        tokens=sum(outcome.tokens or 0 for outcome in held.outcomes),
    )


def _counts(by_run: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return counts by tagged cause."""
    return {tagged(number, cause): n for number, counts in enumerate(by_run) for cause, n in counts.items()}


def _energy(
    asset: Asset, nodes: int, wall_us: int, time: Mapping[Key, int], node_nj: Mapping[Key, int], chips_nj: int
) -> EnergyLedger:
    """Return the energy of some nodes of an asset, with their share of its network and store by number."""
    machines, bill = asset.machines, asset.bill
    assert machines.storage is not None, "what is billed has a store"
    network_nj = round(1000 * network_power_w(bill)) * wall_us * nodes // asset.nodes
    storage_nj = round(1000 * storage_power_w(machines.storage)) * wall_us * nodes // asset.nodes
    shares = split(network_nj + storage_nj, list(time.values()))
    return EnergyLedger(
        it_nj={key: node_nj[key] + share for key, share in zip(time, shares, strict=True)},
        chips_nj=chips_nj,
        nodes_nj=sum(node_nj.values()),
        network_nj=network_nj,
        storage_nj=storage_nj,
        peak_it_w=peak_it_w(machines.node, machines.accelerator, nodes * asset.gpus_per_node, bill, machines.storage),
    )


def assets_of(asset: Asset) -> Assets:
    """Return what an asset is, as a bill asks."""
    machines = asset.machines
    assert machines.storage is not None, "what is billed has a store"
    return Assets(
        node=machines.node.name,
        accelerator=machines.accelerator.name,
        tdp_w=machines.accelerator.tdp_w,
        nodes=asset.nodes,
        gpus_per_node=asset.gpus_per_node,
        bill=asset.bill,
        storage=machines.storage.name,
        storage_bytes=machines.storage.capacity_bytes,
        nameplate_w=nameplate_w(machines.node, asset.nodes, asset.bill, machines.storage),
        liquid=machines.cooling is not None,
        pue=None if machines.cooling is None else machines.cooling.pue,
    )


def own_usage(held: Held, number: int) -> Usage:
    """Return what one run used of an asset that is paid for by use: its own nodes, and nothing of the rest.

    A run's share of the network and of the store is by its nodes. Energy is the provider's, so that it costs nothing;
    it is here for what it emits.
    """
    outcome = held.outcomes[number]
    nodes, whole = outcome.entry.nodes, assets_of(held.asset)
    share = nodes / held.asset.nodes
    part = replace(whole, nodes=nodes, storage_bytes=whole.storage_bytes * share, nameplate_w=whole.nameplate_w * share)
    energy = _energy(held.asset, nodes, outcome.wall_us, outcome.time, outcome.node_nj, outcome.chips_nj)
    return Usage(
        gpus=nodes * held.asset.gpus_per_node,
        wall_us=outcome.wall_us,
        time=outcome.time,
        energy=energy,
        assets=part,
        visits=outcome.visits,
        interruptions=outcome.interruptions,
        tokens=outcome.tokens,
    )
