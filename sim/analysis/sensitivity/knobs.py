"""Layers of a scenario that can be turned by a factor: records derived from it, never anything global."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sim.catalog.records import Accelerator, Node, PriceBook
from sim.reliability.records import FailureClass, Law, RecoveryPlan, RepairPlan, RepairStage
from sim.scenario import Scenario
from sim.scenario.records import Machines

Turn = Callable[[Scenario, float], Scenario]
"""From a scenario and a factor to one whose layer is so many times faster, more frequent, longer or hungrier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """A layer, what of it is turned, and whether the step of the job has to be simulated anew for it."""

    layer: str
    name: str
    turn: Turn
    stepping: bool = False


def _accelerator(scenario: Scenario, **changes: object) -> Scenario:
    chip: Accelerator = replace(scenario.machines.accelerator, **changes)  # type: ignore[arg-type]
    return _machines(scenario, accelerator=chip)


def _machines(scenario: Scenario, **changes: object) -> Scenario:
    machines: Machines = replace(scenario.machines, **changes)  # type: ignore[arg-type]
    return replace(scenario, machines=machines)


def _node(scenario: Scenario, **changes: object) -> Scenario:
    node: Node = replace(scenario.machines.node, **changes)  # type: ignore[arg-type]
    return _machines(scenario, node=node)


def compute(scenario: Scenario, factor: float) -> Scenario:
    """Return a scenario whose tensor cores peak so many times higher, in every precision; curves of efficiency stay."""
    peaks = scenario.machines.accelerator.peak_flops_per_s
    return _accelerator(scenario, peak_flops_per_s={name: peak * factor for name, peak in peaks.items()})


def hbm_bandwidth(scenario: Scenario, factor: float) -> Scenario:
    """Return a scenario whose memory moves so many times the bytes a second."""
    bandwidth = scenario.machines.accelerator.hbm_bandwidth_bytes_per_s
    return _accelerator(scenario, hbm_bandwidth_bytes_per_s=bandwidth * factor)


def scale_up(scenario: Scenario, factor: float) -> Scenario:
    """Return a scenario whose links within a scale-up domain are so many times faster; their latency stays."""
    bandwidth = scenario.machines.accelerator.scale_up_bandwidth_bytes_per_s
    return _accelerator(scenario, scale_up_bandwidth_bytes_per_s=bandwidth * factor)


def network(scenario: Scenario, factor: float) -> Scenario:
    """Return a scenario whose NICs and fabric are so many times faster; its parts and their prices stay as they are."""
    bandwidth = scenario.machines.node.nic_bandwidth_bytes_per_s
    return _node(scenario, nic_bandwidth_bytes_per_s=bandwidth * factor)


def storage(scenario: Scenario, factor: float) -> Scenario:
    """Return a scenario whose store writes and reads so many times faster."""
    store = scenario.machines.storage
    assert store is not None, "what is billed has a store"
    faster = replace(
        store,
        write_bandwidth_bytes_per_s=store.write_bandwidth_bytes_per_s * factor,
        read_bandwidth_bytes_per_s=store.read_bandwidth_bytes_per_s * factor,
    )
    return _machines(scenario, storage=faster)


def speeds(scenario: Scenario, factor: float) -> Scenario:
    """Return a scenario whose every bandwidth and peak is so many times higher; latencies and host times stay."""
    for turn in (compute, hbm_bandwidth, scale_up, network):
        scenario = turn(scenario, factor)
    return scenario


def failure_rate(scenario: Scenario, factor: float) -> Scenario:
    """Return a scenario where everything fails so many times as often: mean lives are divided, laws keep shape."""
    classes = tuple(_rarer(each, factor) for each in scenario.failures.classes)
    return replace(scenario, failures=replace(scenario.failures, classes=classes))


def _rarer(failure: FailureClass, factor: float) -> FailureClass:
    return replace(failure, life=_longer(failure.life, 1 / factor))


def recovery(scenario: Scenario, factor: float) -> Scenario:
    """Return a scenario whose recoveries take so many times as long, stage by stage; restoring follows the store."""
    plan = scenario.recovery
    assert plan is not None, "recovery is turned only where there is one"
    stages: dict[str, Any] = {name: _longer(getattr(plan, name), factor) for name in RECOVERY}
    by_cause = {cause: _longer(law, factor) for cause, law in plan.detect_by_cause.items()}
    longer: RecoveryPlan = replace(plan, detect_by_cause=by_cause, **stages)
    return replace(scenario, recovery=longer)


RECOVERY = ("detect", "diagnose", "requeue", "select_host", "replace", "initialize", "warm_up")
"""Stages of a recovery that are durations."""


def repair(scenario: Scenario, factor: float) -> Scenario:
    """Return a scenario whose repairs take so many times as long."""
    plan = scenario.repair
    assert plan is not None, "repair is turned only where there is one"
    longer: RepairPlan = replace(plan, automatic=_slower(plan.automatic, factor), manual=_slower(plan.manual, factor))
    return replace(scenario, repair=longer)


def _slower(stage: RepairStage, factor: float) -> RepairStage:
    return replace(stage, time=_longer(stage.time, factor))


def _longer(law: Law, factor: float) -> Law:
    """Return a law of the same shape with so many times the mean.

    >>> _longer(Law(mean_s=30.0), 2.0).mean_s
    60.0
    """
    return replace(law, mean_s=law.mean_s * factor)


def power(scenario: Scenario, factor: float) -> Scenario:
    """Return a scenario whose GPUs and nodes draw so many times the power, nameplates included."""
    chip, node = scenario.machines.accelerator, scenario.machines.node
    hungrier = _accelerator(
        scenario,
        tdp_w=chip.tdp_w * factor,
        idle_w=chip.idle_w * factor,
        busy_w=chip.busy_w * factor,
        communicating_w=chip.communicating_w * factor,
    )
    return _node(
        hungrier,
        nameplate_w=node.nameplate_w * factor,
        overhead_idle_w=node.overhead_idle_w * factor,
        overhead_busy_w=node.overhead_busy_w * factor,
    )


def hbm_capacity(scenario: Scenario, factor: float) -> Scenario:
    """Return a scenario whose memory holds so many times the bytes."""
    return _accelerator(scenario, hbm_bytes=scenario.machines.accelerator.hbm_bytes * factor)


KNOBS = (
    Knob(layer="compute", name="compute peak", turn=compute, stepping=True),
    Knob(layer="HBM", name="HBM bandwidth", turn=hbm_bandwidth, stepping=True),
    Knob(layer="HBM", name="HBM capacity", turn=hbm_capacity, stepping=True),
    Knob(layer="scale-up", name="scale-up bandwidth", turn=scale_up, stepping=True),
    Knob(layer="network", name="network bandwidth", turn=network, stepping=True),
    Knob(layer="storage", name="storage bandwidth", turn=storage),
    Knob(layer="reliability", name="failure rate", turn=failure_rate),
    Knob(layer="reliability", name="recovery time", turn=recovery),
    Knob(layer="reliability", name="repair time", turn=repair),
    Knob(layer="power", name="power", turn=power),
)
"""Layers that are turned by simulation; prices are turned by re-pricing."""

BY_NAME: Mapping[str, Knob] = {
    knob.name: knob for knob in (*KNOBS, Knob(layer="all", name="all speeds", turn=speeds, stepping=True))
}
"""Knobs by their name, with that of all speeds together, which the laws are checked by."""

PRICES: Mapping[str, tuple[str, ...]] = {
    "servers": ("server/", "scale-up/", "head-node/unit", "maintenance/event"),
    "network parts": ("switch/", "cable/"),
    "storage": ("storage/", "storage-rent/"),
    "facility": ("facility/", "cdu/", "colocation/"),
    "rent": ("rent-",),
    "electricity": ("energy/kwh", "energy/demand"),
    "people": ("staff/fte", "staff/hour"),
    "data": ("data/",),
    "licences and egress": ("licence/", "egress/"),
}
"""Prices of a book, in dollars, by the head of their key: each in one group, so that their elasticities sum to 1."""

PUE = "PUE"
"""The ratio that multiplies every kWh; no price."""


def turned_book(book: PriceBook, group: str, factor: float) -> PriceBook:
    """Return a book with the prices of a group times a factor, or its PUE.

    >>> from sim import catalog
    >>> turned_book(catalog.price_book("2026-owned"), "electricity", 2.0).prices["energy/kwh"].value
    0.1652
    """
    prices = {
        key: replace(price, value=price.value * factor) if _in_group(key, group) else price
        for key, price in book.prices.items()
    }
    return replace(book, prices=prices)


def _in_group(key: str, group: str) -> bool:
    if group == PUE:
        return key == "energy/pue"
    return key.startswith(PRICES[group]) and key != "staff/hours-per-incident"
