"""Keys of failures, recovery and checkpoints that mean nothing beside each other, in the words of a scenario."""

from collections.abc import Iterator

from sim.cluster.domains import DOMAINS
from sim.errors import ScenarioError
from sim.reliability.failures.fleet import held_by_nodes
from sim.reliability.records import STORE
from sim.scenario.faults.failures import CauseForm, FailuresForm
from sim.scenario.faults.recovery import RecoveryForm
from sim.scenario.faults.slow import is_slow


def check_effects(failures: FailuresForm | None, recovery: RecoveryForm | None, *, checkpoints: bool) -> None:
    """Raise ScenarioError, a line each, for keys that exclude each other, or that nothing reads."""
    if failures is None or recovery is None:
        return
    lines = [line for cause in failures.causes for line in _of_cause(cause, failures, recovery, checkpoints)]
    lines += _unread(failures, recovery, checkpoints)
    if lines:
        raise ScenarioError("\n".join(lines))


def _of_cause(cause: CauseForm, failures: FailuresForm, recovery: RecoveryForm, checkpoints: bool) -> Iterator[str]:
    where = f"failures.causes: '{cause.name}'"
    effects = _effects(cause)
    if len(effects) > 1:
        yield f"{where}: got {' and '.join(effects)}; expected one of them"
    correlated = cause.correlated is not None and cause.correlated.share > 0
    if correlated and effects and effects != ["repair"]:
        yield f"{where}: got correlated and {effects[0]}; what fails together stops the job, expected one of them"
    if correlated and failures.lemons and cause.name in (failures.lemons.causes or [cause.name]):
        yield f"{where}: got correlated, whose shocks hit all nodes alike, and failures.lemons; expected one of them"
    if correlated and failures.infant and cause.name in (failures.infant.causes or [cause.name]):
        yield f"{where}: got correlated, which needs exponential lives, and failures.infant; expected one of them"
    if cause.found is not None and cause.component in DOMAINS:
        yield f"{where}: a {cause.component} does not fail silently; expected no found, or a part of a node, or job"
    if cause.found is not None and not recovery.rework:
        yield f"{where}: got found, after which work is bad, and recovery.rework = false, which keeps it; expected one"
    if cause.component == STORE:
        yield from _of_store(cause, recovery, checkpoints, where)
    if cause.planned is not None and recovery.rework and not checkpoints:
        yield f"{where}: planned waits until all work is saved; expected a [checkpoint]"
    if cause.planned is not None and cause.name in recovery.detect_by_cause:
        yield f"recovery.detect_by_cause: '{cause.name}' is planned and needs no detection; expected no such key"


def _of_store(cause: CauseForm, recovery: RecoveryForm, checkpoints: bool, where: str) -> Iterator[str]:
    if not checkpoints:
        yield f"{where}: the store holds checkpoints, and none are taken; expected a [checkpoint]"
    if cause.found is not None or cause.planned is not None:
        yield f"{where}: a store is out for repair, and not found or planned to be; expected only repair"
    if cause.name in recovery.detect_by_cause and not cause.data_loss:
        yield f"recovery.detect_by_cause: '{cause.name}' stops no job and needs no detection; expected no such key"


def _effects(cause: CauseForm) -> list[str]:
    """Return the keys that say what a cause does besides stopping the job at once."""
    slow = is_slow(cause)
    given = {
        "found": cause.found is not None,
        "planned": cause.planned is not None,
        "slow": cause.slow is not None,
        "bandwidth": cause.bandwidth is not None and cause.slow is None,
        "repair": cause.repair is not None and not slow,
    }
    return [key for key, is_given in given.items() if is_given]


def _unread(failures: FailuresForm, recovery: RecoveryForm, checkpoints: bool) -> Iterator[str]:
    """Say what nothing reads; what presets and logs hold is left to them."""
    for stage, given in (("requeue", recovery.requeue), ("warm_up", recovery.warm_up)):
        if stage in recovery.success and (given is None or (given.kind == "constant" and not given.mean)):
            yield f"recovery.success.{stage}: there is no recovery.{stage}; expected both or neither"
    if "restore" in recovery.success and not checkpoints:
        yield "recovery.success.restore: there is no [checkpoint] to restore; expected both or neither"
    if failures.preset is not None or failures.log is not None:
        return
    if recovery.blames_right < 1 and not any(map(_takes, failures.causes)):
        yield "recovery.blames_right: no cause takes a node away that could be blamed; expected none"
    if failures.ages and not any(held_by_nodes(cause.component) for cause in failures.causes):
        yield "failures.ages: got no cause of failure of nodes; expected one"
    if not _evicts(recovery) and not any(map(_moves, failures.causes)):
        yield from _of_nobody(recovery)


def _of_nobody(recovery: RecoveryForm) -> Iterator[str]:
    """Say what is read only where nodes leave a job for which none ever do."""
    for key, given in (
        ("spares", recovery.spares is not None),
        ("success.replace", "replace" in recovery.success),
        ("resume_when_idle", recovery.resume_when_idle is not None),
    ):
        if given:
            yield f"recovery.{key}: no cause takes a node away that would be replaced; expected none"


def _takes(cause: CauseForm) -> bool:
    """Say whether a node leaves the job because it failed: of planned stops and evictions it is known which."""
    stays = cause.component in ("job", STORE) or cause.planned is not None or cause.repair is not None or is_slow(cause)
    return not stays if cause.replace is None else cause.replace


def _moves(cause: CauseForm) -> bool:
    """Say whether a node leaves the job for a cause, planned stops and outages that cut it off included."""
    cuts = cause.repair is not None and cause.component != STORE and not is_slow(cause)
    return _takes(cause) or cuts or (cause.planned is not None and cause.component != "job")


def _evicts(recovery: RecoveryForm) -> bool:
    return recovery.stragglers is not None and recovery.stragglers.policy == "evict"
