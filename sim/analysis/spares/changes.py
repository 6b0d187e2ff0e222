"""What could be bought or improved: a scenario with one thing better at a time."""

from collections.abc import Iterator
from dataclasses import replace

from sim.analysis.spares.more import Change, more_spares
from sim.reliability.records import FailureClass, Law, RecoveryPlan
from sim.scenario import Scenario

FASTER = 2.0
"""Times the bandwidth of the store, writing and reading."""

MFU = 1.01
"""Times the MFU of every step."""

SOONER_S, SHARE = 60.0, 0.5
"""A minute less, or half of the time."""


def changes_of(scenario: Scenario) -> tuple[Change, ...]:
    """Return the changes that could matter to a scenario: none of what it has not, or states as a given duration.

    Laws of durations keep their shape. A minute less is asked only of what takes longer on average.
    """
    changes = (*more_spares(scenario), *_store(scenario), *_recovery(scenario), *_crews(scenario))
    return (*changes, *_dual_tor(scenario), *_mfu(scenario))


def left_out(scenario: Scenario) -> list[str]:
    """Return what was not changed, and why."""
    reasons = []
    checkpoint, recovery, repair = scenario.checkpoint, scenario.recovery, scenario.repair
    if repair is None:
        reasons.append("spares and crews: no failure takes a node away")
    elif repair.crews == 0:
        reasons.append("crews: there are as many as are needed")
    if checkpoint is not None and not any(_store(scenario)):
        reasons.append("store: block, durable_after and restore are given and follow from no bandwidth")
    if checkpoint is None:
        reasons.append("store: there are no checkpoints")
    if not any(_dual_tor(scenario)):
        reasons.append("dual ToR: no failure of a host link stops the job, or all of them do")
    if recovery is not None and not _mean_s(recovery):
        reasons.append("detection: takes no time")
    return reasons


def _store(scenario: Scenario) -> Iterator[Change]:
    checkpoint, machines = scenario.checkpoint, scenario.machines
    storage = machines.storage
    if checkpoint is None or storage is None:
        return
    if None not in (checkpoint.block_s, checkpoint.durable_after_s, checkpoint.restore_s):
        return
    faster = replace(
        storage,
        write_bandwidth_bytes_per_s=FASTER * storage.write_bandwidth_bytes_per_s,
        read_bandwidth_bytes_per_s=FASTER * storage.read_bandwidth_bytes_per_s,
    )
    yield Change(name=f"store x{FASTER:g}", scenario=replace(scenario, machines=replace(machines, storage=faster)))


def _recovery(scenario: Scenario) -> Iterator[Change]:
    recovery = scenario.recovery
    if recovery is None:
        return
    if _mean_s(recovery) > SOONER_S:
        yield Change(name="detection -1 min", scenario=_recovering(scenario, _detected(recovery, SOONER_S, 1.0)))
    if _mean_s(recovery) > 0:
        yield Change(name=f"detection x{SHARE:g}", scenario=_recovering(scenario, _detected(recovery, 0.0, SHARE)))
    start = recovery.initialize
    if start.mean_s > SOONER_S:
        sooner = replace(recovery, initialize=_shorter(start, SOONER_S, 1.0))
        yield Change(name="initialize -1 min", scenario=_recovering(scenario, sooner))
    elif start.mean_s > 0:
        sooner = replace(recovery, initialize=_shorter(start, 0.0, SHARE))
        yield Change(name=f"initialize x{SHARE:g}", scenario=_recovering(scenario, sooner))


def _crews(scenario: Scenario) -> Iterator[Change]:
    if scenario.repair is not None and scenario.repair.crews:
        repair = replace(scenario.repair, crews=scenario.repair.crews + 1)
        yield Change(name="+1 repair crew", scenario=replace(scenario, repair=repair))


def _dual_tor(scenario: Scenario) -> Iterator[Change]:
    """Yield a second port of every NIC on another leaf, so that a lost host link stops no job.

    Assumption: traffic goes on over the other port (Qian et al., Alibaba HPN, SIGCOMM 2024, section 3); what half of
    one NIC's bandwidth costs until the link is repaired is not counted, nor are the ports and leaves.
    """
    failures = scenario.failures
    kept = tuple(each for each in failures.classes if not _host_link(each))
    if scenario.machines.nic_ports == 1 and kept and len(kept) < len(failures.classes):
        gone = {each.cause for each in failures.classes if _host_link(each)}
        better = replace(scenario, failures=replace(failures, classes=kept))
        yield Change(name="dual ToR", scenario=_without(better, gone))


def _without(scenario: Scenario, causes: set[str]) -> Scenario:
    """Return a scenario that says nothing more of causes that are not there."""
    recovery, repair = scenario.recovery, scenario.repair
    if recovery is not None:
        detect = {cause: law for cause, law in recovery.detect_by_cause.items() if cause not in causes}
        recovery = replace(recovery, detect_by_cause=detect)
    if repair is not None:
        stages = {cause: stage for cause, stage in repair.by_cause.items() if cause not in causes}
        repair = replace(repair, by_cause=stages)
    return replace(scenario, recovery=recovery, repair=repair)


def _host_link(cause: FailureClass) -> bool:
    """Return whether a cause is the loss of a link between a host and its leaf, which stops the job."""
    return cause.component == "link" and cause.stops and cause.outage is None and cause.planned is None


def _mfu(scenario: Scenario) -> Iterator[Change]:
    """Yield steps that take 1 / 1.01 of the time, in all of their states alike."""
    name = "+1 % MFU" if scenario.training else "steps 1 % faster"
    yield Change(name=name, scenario=scenario, faster=MFU)


def _recovering(scenario: Scenario, recovery: RecoveryPlan) -> Scenario:
    return replace(scenario, recovery=recovery)


def _mean_s(recovery: RecoveryPlan) -> float:
    """Return the longest mean of detection, by default or by a cause of its own."""
    return max(law.mean_s for law in (recovery.detect, *recovery.detect_by_cause.values()))


def _detected(recovery: RecoveryPlan, less_s: float, share: float) -> RecoveryPlan:
    """Return a recovery whose detection is shorter; one that takes less than what is taken off becomes immediate."""
    by_cause = {cause: _shorter(law, less_s, share) for cause, law in recovery.detect_by_cause.items()}
    return replace(recovery, detect=_shorter(recovery.detect, less_s, share), detect_by_cause=by_cause)


def _shorter(law: Law, less_s: float, share: float) -> Law:
    """Return a law of the same shape with another mean.

    >>> _shorter(Law(kind="lognormal", mean_s=90.0, shape=2.0), 60.0, 1.0)
    Law(kind='lognormal', mean_s=30.0, shape=2.0, table=())
    >>> _shorter(Law(mean_s=30.0), 60.0, 1.0)
    Law(kind='constant', mean_s=0.0, shape=1.0, table=())
    """
    mean_s = share * law.mean_s - less_s
    return replace(law, mean_s=mean_s) if mean_s > 0 else Law()
