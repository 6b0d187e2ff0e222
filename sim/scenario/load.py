"""From a preset's name or a file to a Scenario; everything that is wrong with it is said at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sim import catalog
from sim.errors import InputError, ScenarioError
from sim.reliability.checks import check_orders
from sim.reliability.failures.fleet import check_ages
from sim.reliability.records import RepairPlan
from sim.scenario.billing import billing_of, check_evictions
from sim.scenario.faults.checkpoint import checkpoint_of
from sim.scenario.faults.domains import check_domains
from sim.scenario.faults.failures import check_outages, domains_wanted, failures_of
from sim.scenario.faults.rate import check_rate
from sim.scenario.faults.recovery import check_resume, recovery_of
from sim.scenario.faults.repair import repair_of
from sim.scenario.faults.replay import of_causes, with_log
from sim.scenario.faults.spares import spares_of, with_spares
from sim.scenario.faults.stragglers import check_slow
from sim.scenario.faults.tiers import check_copies, check_processes
from sim.scenario.faults.together import check_effects
from sim.scenario.form import AnchorForm, MeasuredForm, ScenarioForm
from sim.scenario.health import health_of
from sim.scenario.lookup import look_up
from sim.scenario.machines import machines_of
from sim.scenario.messages import error_lines
from sim.scenario.records import Anchor, Billing, Checkpoint, Failures, Figure, Limits, Machines, Scenario, Training
from sim.scenario.source import overridden, read_anchors, read_scenario
from sim.scenario.training import model_of, training_of

SAME_RUN = ("run.seed", "cost.", "calibration.", "published.", "name")
"""Keys whose override leaves a run one that published figures are of; any other makes it a what-if."""


def load_scenario(name_or_path: str, overrides: Iterable[str] = ()) -> Scenario:
    """Return the scenario of a preset or a file, with `dotted.key=value` overrides.

    Published figures are of the scenario as it stands: overrides of what is trained, on what or how drop them.

    Raises InputError with one line for each thing that is wrong: file, dotted key, what it got and expected,
    the nearest key or name.

    >>> load_scenario("tiny", ["run.seed=7"]).seed
    7
    """
    tree, listed = read_scenario(name_or_path), list(overrides)
    asked = overridden(tree, listed)
    if any(not override.lstrip().startswith(SAME_RUN) for override in listed):
        asked.pop("published", None)
    return scenario_of(asked, name_or_path, tree)


def scenario_of(tree: Mapping[str, Any], source: str, measured: Mapping[str, Any] | None = None) -> Scenario:
    """Return the scenario of a tree of keys; errors start with `source`.

    measured: what anchors are of that name no scenario, by default this tree; overrides are what-ifs beside it.
    """
    try:
        form = ScenarioForm.model_validate(tree)
    except ValidationError as error:
        lines = error_lines(error, ScenarioForm)
        raise InputError("\n".join(f"{source}: {line}" for line in lines)) from None
    _refuse_all(source, _checks(form))
    scenario = _resolved(form)
    if form.calibration is None:
        return scenario
    return replace(scenario, anchors=anchors_of(form.calibration.anchor, measured or tree, source))


def anchors_of(anchor: str, tree: Mapping[str, Any], source: str) -> tuple[Anchor, ...]:
    """Return the measured step times of an anchor file, which is named from the folder of the scenario's own file.

    Each is of the scenario that names the file, or of another, with its own overrides. Raises InputError as a scenario
    does, and where there is no model whose step could be anchored.
    """
    where = f"{source}: calibration.anchor"
    rows, folder = read_anchors(anchor, source, where)
    try:
        form = AnchorForm.model_validate(rows)
    except ValidationError as error:
        raise InputError("\n".join(f"{where}: {anchor}: {line}" for line in error_lines(error, AnchorForm))) from None
    return tuple(_anchor(row, tree, folder, f"{where}: {anchor}: measured.{i}") for i, row in enumerate(form.measured))


def _anchor(row: MeasuredForm, tree: Mapping[str, Any], folder: Path | None, where: str) -> Anchor:
    try:
        base = tree if row.scenario is None else read_scenario(row.scenario, folder)
        plain = {key: value for key, value in base.items() if key not in ("calibration", "published")}
        own = overridden(plain, row.overrides)
    except InputError as error:
        raise type(error)(f"{where}: {str(error).replace('--set ', 'overrides: ', 1)}") from None
    scenario = scenario_of(own, where)
    if scenario.training is None:
        raise ScenarioError(f"{where}: has no [model]; expected one whose step can be simulated")
    return Anchor(scenario=scenario, step_time_s=row.step_time, source=row.source)


def check_read(form: ScenarioForm) -> None:
    """Raise ScenarioError for keys that nothing would read: a start without a bill, a store that holds nothing."""
    lines = []
    if form.run.start is not None and form.cost is None:
        lines.append("run.start: dates the prices of [cost], and there is none; expected both or neither")
    if form.cluster.nic_ports > 1 and form.cluster.topology is None and not _links(form):
        lines.append("cluster.nic_ports: nothing reads it; expected a cluster.topology, or a cause of a nic or link")
    if form.cluster.storage is not None and form.cost is None and not _stores(form):
        lines.append("cluster.storage: nothing reads it; expected [cost], or a [checkpoint] of a [model] to compute")
    if lines:
        raise ScenarioError("\n".join(lines))


def _links(form: ScenarioForm) -> bool:
    """Say whether something may fail that is counted by the ports of NICs; presets and logs are left to themselves."""
    failures = form.failures
    if failures is None or failures.preset is not None or failures.log is not None:
        return failures is not None
    return any(cause.component in ("nic", "link") for cause in failures.causes)


def _checkpoint_of(form: ScenarioForm, failures: Failures) -> Checkpoint | None:
    modelled = form.model is not None
    computable = modelled and form.cluster.storage is not None
    check_copies(form.checkpoint.tiers if form.checkpoint else (), form.cluster.nodes)
    return checkpoint_of(form.checkpoint, failures, computable=computable, modelled=modelled)


def _stores(form: ScenarioForm) -> bool:
    """Return whether a duration of a checkpoint follows from the store."""
    checkpoint = form.checkpoint
    if checkpoint is None or form.model is None:
        return False
    given = [checkpoint.block, checkpoint.restore, *([checkpoint.durable_after] if checkpoint.asynchronous else [])]
    return None in given


def limits_of(form: ScenarioForm) -> Limits:
    """Return what ends the run besides its tokens. Raises ScenarioError for none, or for both tokens and work."""
    tokens = form.training.tokens is not None or bool(form.training.phases)
    run = form.run
    if tokens and run.work is not None:
        raise ScenarioError("run.work: got both tokens and work; expected one of them")
    if not tokens and run.work is None and run.horizon is None:
        raise ScenarioError("run: nothing ends it; expected one of training.tokens, run.work, run.horizon")
    return Limits(horizon_s=run.horizon, work_s=run.work)


def _billing(form: ScenarioForm) -> Billing | None:
    cluster = form.cluster
    return billing_of(form.cost, cluster.node, cluster.storage, cluster.topology is not None, form.run.start)


def _resolved(form: ScenarioForm) -> Scenario:
    machines = replace(machines_of(form.cluster), health=health_of(form.cluster.health, form.run.seed))
    failures = _failures(form, machines)
    training = training_of(form, machines)
    recovery = recovery_of(
        form.recovery, form.failures, form.repair, machines.node, machines.nodes, _replicas(training)
    )
    return Scenario(
        name=form.name,
        training=training,
        step_time_s=form.training.step_time,
        machines=machines,
        failures=failures,
        recovery=with_spares(of_causes(recovery, failures), form.recovery.spares if form.recovery else None, machines),
        repair=_repair_of(form, failures),
        checkpoint=_checkpoint_of(form, failures),
        billing=_billing(form),
        limits=limits_of(form),
        seed=form.run.seed,
        start=form.run.start,
        published=tuple(
            Figure(name=name, value=figure.value, unit=figure.unit, source=figure.source)
            for name, figure in (form.published.figures.items() if form.published else ())
        ),
        published_gap=tuple(form.published.gap) if form.published else (),
    )


def _repair_of(form: ScenarioForm, failures: Failures) -> RepairPlan | None:
    """Return the stages of repair, and the orders of spares, which have to fit the cluster and its recovery."""
    repair, recovery, cluster = repair_of(form.repair, failures), form.recovery, form.cluster
    if repair is not None:
        apart = bool(recovery and recovery.spares and recovery.spares.per_domain)
        idle = recovery.resume_when_idle if recovery else None
        check_orders(repair, cluster.nodes, cluster.spare_nodes, apart=apart, idle=idle)
    return repair


def _replicas(training: Training | None) -> int | None:
    """Return the data-parallel replicas of a model, the most of any phase."""
    return None if training is None else max(phase.layout.data for phase in training.phases)


def _failures(form: ScenarioForm, machines: Machines) -> Failures:
    drawn = failures_of(form.failures, machines.node, machines.nic_ports)
    return with_log(drawn, form.failures, machines, form.run.horizon, form.run.seed)


def _checks(form: ScenarioForm) -> Sequence[Callable[[], object]]:
    """Return every part as a thunk: one that fails must not hide what is wrong with the others."""

    def machines() -> object:
        return machines_of(form.cluster)

    def training() -> object:
        return training_of(form, machines_of(form.cluster))

    @cache
    def logged() -> Failures:
        return _failures(form, machines_of(form.cluster))

    def with_failures(build: Callable[[Failures], object]) -> Callable[[], object]:
        if form.failures is not None and form.failures.log is not None:
            return lambda: build(logged())
        return lambda: build(failures_of(form.failures, look_up(catalog.node, form.cluster.node, "cluster.node")))

    def recovery() -> object:
        node = look_up(catalog.node, form.cluster.node, "cluster.node")
        elastic = form.recovery is not None and form.recovery.mode == "elastic"
        data = _replicas(training_of(form, machines_of(form.cluster))) if elastic else None
        return recovery_of(form.recovery, form.failures, form.repair, node, form.cluster.nodes, data)

    def spares() -> object:
        return form.recovery and spares_of(form.recovery.spares, machines_of(form.cluster))

    def model() -> object:
        return form.model and model_of(form.model, form.name)

    def software() -> object:
        return form.training.software and look_up(catalog.software, form.training.software, "training.software")

    def processes() -> None:
        if form.checkpoint is not None and form.recovery is not None:
            check_processes(form.checkpoint.tiers, form.recovery.mode)

    total = form.cluster.nodes + form.cluster.spare_nodes
    return [
        *(machines, model, software, training, recovery, spares),
        with_failures(lambda failures: _repair_of(form, failures)),
        with_failures(lambda failures: _checkpoint_of(form, failures)),
        with_failures(lambda failures: check_rate(failures.classes, form.cluster.nodes)),
        with_failures(lambda failures: check_evictions(form.cost, failures.classes)),
        with_failures(lambda failures: check_ages(failures.ages, failures.classes, total)),
        *(
            lambda: check_outages(form.failures, wired=form.cluster.topology is not None),
            lambda: check_domains(
                form.cluster.domains, domains_wanted(form.failures), wired=form.cluster.topology is not None
            ),
            lambda: check_slow(form.failures, form.recovery, form.repair, modelled=form.model is not None),
            lambda: _billing(form),
            lambda: limits_of(form),
            lambda: check_read(form),
            lambda: check_resume(form.recovery, form.cluster.nodes),
            processes,
            lambda: check_effects(form.failures, form.recovery, checkpoints=form.checkpoint is not None),
        ),
    ]


def _refuse_all(source: str, checks: Iterable[Callable[[], object]]) -> None:
    """Run every check; raise what went wrong: the one error as itself, several as the lines of one InputError."""
    errors: list[InputError] = []
    for check in checks:
        try:
            check()
        except InputError as error:
            errors.append(error)
    lines = list(dict.fromkeys(line for error in errors for line in str(error).splitlines()))
    if not lines:
        return
    kind = type(errors[0]) if len({type(error) for error in errors}) == 1 else InputError
    raise kind("\n".join(f"{source}: {line}" for line in lines))
