"""Whether slow causes and who looks for them go with the rest of a scenario."""

from collections.abc import Iterator

from sim.errors import ScenarioError
from sim.reliability.failures.slow import FALSE_ALARM
from sim.scenario.faults.failures import CauseForm, FailuresForm
from sim.scenario.faults.recovery import RecoveryForm
from sim.scenario.faults.repair import RepairForm
from sim.scenario.faults.slow import StragglersForm, is_slow


def check_slow(
    failures: FailuresForm | None, recovery: RecoveryForm | None, repair: RepairForm | None, *, modelled: bool
) -> None:
    """Raise ScenarioError, a line each, for what nothing would read or nothing could time.

    modelled: whether a model says what of a step is compute and what is communication.
    """
    slow = [cause for cause in failures.causes if is_slow(cause)] if failures else []
    lines = [line for cause in slow for line in _unreadable(cause, modelled)]
    if recovery is not None and failures is not None:
        names = [cause.name for cause in slow]
        lines += [
            f"recovery.detect_by_cause: '{name}' slows and stops nothing; expected recovery.stragglers.delay"
            for name in recovery.detect_by_cause
            if name in names
        ]
        if recovery.stragglers is not None:
            lines += _stray(recovery.stragglers, failures, repair, slow=bool(slow))
    if lines:
        raise ScenarioError("\n".join(lines))


def _unreadable(cause: CauseForm, modelled: bool) -> Iterator[str]:
    where = f"failures.causes: '{cause.name}'"
    if not modelled and cause.bandwidth is not None:
        yield f"{where}: bandwidth needs a [model], whose step says what the network carries; expected slow"
    if not modelled and cause.state is not None:
        yield f"{where}: state needs a [model]; with step_time a step has no states"
    if modelled and cause.slow is not None and cause.component in ("nic", "link"):
        yield f"{where}: slow kernels of a {cause.component}; expected bandwidth, whose cost the graph decides"


def _stray(form: StragglersForm, failures: FailuresForm, repair: RepairForm | None, *, slow: bool) -> Iterator[str]:
    if not slow and form.false_alarms is None:
        yield "recovery.stragglers: no cause slows; expected a cause with slow or bandwidth, or false_alarms"
    if form.policy == "evict" and repair is None:
        yield "repair: is missing; recovery.stragglers takes slow nodes away"
    if form.false_alarms is not None and FALSE_ALARM in [cause.name for cause in failures.causes]:
        yield f"failures.causes: '{FALSE_ALARM}' is what recovery.stragglers calls its own; expected another name"
