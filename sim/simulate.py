"""One run from Scenario to ledgers: what users of the simulator call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from sim import MODEL_VERSION
from sim.cluster.health import HEALTHY
from sim.cluster.records import BomLine
from sim.engine.collector import rare_collections
from sim.engine.effects.slow_steps import StepPacer
from sim.engine.run import simulate_run
from sim.errors import SimulationError
from sim.ledger.bill.cost import CostLedger, price
from sim.ledger.bill.lots import lots_told
from sim.ledger.bill.power import check_cap
from sim.ledger.bill.usage import Assets, Lot, Usage
from sim.ledger.power.energy import EnergyLedger, energy_ledger, nameplate_w, peak_it_w
from sim.ledger.power.hours import by_hour_nj
from sim.ledger.time.columns import TraceColumns, columned, repair_visits
from sim.ledger.time.conservation import check_conservation
from sim.ledger.time.summary import RunSummary, summarize
from sim.ledger.time.time_ledger import TimeLedger, net_gpu_us, time_ledger
from sim.ledger.time.trace import RunTrace
from sim.machine import Machine, build_machine, check_algorithms, materials
from sim.planning import Planned, Prepared, judge_of, pacer_of, planned, run_plan
from sim.reliability.failures.slow import GivenPacer, PaceTimes
from sim.reliability.records import RunPlan
from sim.scenario import canonical_text
from sim.scenario.anchor import anchored
from sim.scenario.records import Scenario
from sim.steps import StepResult, main_phase, simulate_phase, simulate_step_of, step_time_of
from sim.steps.shrunken import shrinking_of
from sim.workload.profile import StepProfile
from sim.workload.stragglers import Speed

__all__ = (
    "Planned",
    "Prepared",
    "Progress",
    "RunResult",
    "StepResult",
    "account",
    "judge_of",
    "main_phase",
    "pacer_of",
    "planned",
    "prepare",
    "reseeded",
    "run_id",
    "run_plan",
    "simulate",
    "simulate_phase",
    "simulate_prepared",
    "simulate_step_of",
)

Progress = Callable[[float, str], None]
"""Called with the fraction done and what is being done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """Everything about one run; steps is empty where the step time was given, usage and costs None without a bill.

    damaged: the step of every phase (None: given) under each other condition that it met; paces: how long they took.
    """

    scenario: Scenario
    machine: Machine | None
    steps: tuple[StepResult, ...]
    plan: RunPlan
    trace: RunTrace
    ledger: TimeLedger
    summary: RunSummary
    usage: Usage | None
    costs: CostLedger | None
    damaged: tuple[tuple[StepProfile | None, ...], ...] = ()
    paces: tuple[PaceTimes, ...] = ()

    @property
    def energy(self) -> EnergyLedger | None:
        """The energy of the run, None without a bill."""
        return None if self.usage is None else self.usage.energy

    @property
    def run_id(self) -> str:
        """The name of the run, which is made anew each time: most of the runs of a job are never named."""
        return run_id(self.scenario)

    @property
    def profiles(self) -> tuple[StepProfile | None, ...]:
        """The step profile of every phase, None where its step time was given."""
        return tuple(step.profile for step in self.steps) or (None,)


def run_id(scenario: Scenario) -> str:
    """Return the hash of what determines a run: canonical scenario (seed included) and version of the models."""
    text = f"{MODEL_VERSION}\n{canonical_text(scenario)}"
    return f"{scenario.name}-{blake2b(text.encode(), digest_size=6).hexdigest()}"


def simulate(
    scenario: Scenario, progress: Progress = lambda fraction, what: None, allow_plugins: bool = False
) -> RunResult:
    """Return one run of a scenario; a topology "module:function" is imported only with allow_plugins.

    Raises InputError for what does not fit together, SimulationError where a law of conservation is broken.
    """
    return simulate_prepared(prepare(scenario, progress, allow_plugins), progress)


def prepare(
    scenario: Scenario, progress: Progress = lambda fraction, what: None, allow_plugins: bool = False
) -> Prepared:
    """Return everything before the run itself: the machine, its bill of materials, and the step of every phase."""
    scenario, anchoring = anchored(scenario, lambda anchor: step_time_of(anchor, allow_plugins))
    machine = build_machine(scenario, allow_plugins)
    billed = machine is not None and scenario.billing is not None and scenario.machines.storage is not None
    bill = materials(machine) if billed and machine is not None else ()
    _check_site(scenario, bill)
    steps = tuple(replace(step, anchoring=anchoring) for step in _steps(scenario, machine, progress))
    return Prepared(
        scenario=scenario,
        machine=machine,
        steps=steps,
        bill=bill,
        shrinking=shrinking_of(scenario, machine, steps),
        allow_plugins=allow_plugins,
    )


def _check_site(scenario: Scenario, bill: tuple[BomLine, ...]) -> None:
    """Raise PriceError where the site cannot bear what the cluster draws."""
    asked, billing = scenario.machines, scenario.billing
    if billing is None or asked.storage is None or not bill:
        return
    nodes = asked.nodes + asked.spare_nodes
    peak_w = peak_it_w(asked.node, asked.accelerator, nodes * asked.node.accelerators, bill, asked.storage)
    check_cap(peak_w, nodes, asked.cooling.pue if asked.cooling else None, billing.prices, billing.terms)


def _steps(
    scenario: Scenario, machine: Machine | None, progress: Progress, before: Sequence[StepResult] = ()
) -> tuple[StepResult, ...]:
    """Return the step of every phase; before: those under another seed, which may be the same."""
    phases = scenario.training.phases if scenario.training else ()
    steps = []
    for index, phase in enumerate(phases):
        progress(0.1 + 0.4 * index / len(phases), f"step of phase {phase.name}")
        steps.append(simulate_phase(scenario, machine, phase, before=before[index : index + 1]))
    if machine is not None:
        check_algorithms(machine.network)
    return tuple(steps)


def reseeded(prepared: Prepared, scenario: Scenario) -> Prepared:
    """Return the same job by a scenario that differs in its seed: steps are simulated anew where something is drawn.

    Hashed routes, a random placement, the speeds of GPUs and lost members of a class are drawn.
    """
    machine, asked = prepared.machine, scenario.machines
    if machine is None:
        return replace(prepared, scenario=scenario)
    health = asked.health or HEALTHY
    drawn = asked.speed != Speed() or asked.placement == "random" or health != machine.cluster.health
    if not (drawn or machine.settings.routing == "ecmp"):
        return replace(prepared, scenario=scenario)
    network = machine.network.changed(health=health, seed=scenario.seed)
    machine = replace(machine, cluster=network.cluster, network=network, settings=network.settings)
    steps = _steps(scenario, machine, lambda fraction, what: None, prepared.steps)
    pairs = enumerate(zip(steps, prepared.steps, strict=True))
    same = {phase for phase, (now, before) in pairs if now.timeline is before.timeline}
    known = {phase: replicas for phase, replicas in prepared.known.items() if phase in same}
    shrinking = shrinking_of(scenario, machine, steps)
    return replace(
        prepared, scenario=scenario, machine=machine, steps=steps, shrinking=shrinking, known=known, ranks={}
    )


def simulate_prepared(prepared: Prepared, progress: Progress = lambda fraction, what: None) -> RunResult:
    """Return the run of a prepared job. Raises SimulationError, which names the scenario, where it comes to no end."""
    progress(0.5, "run")
    planning = planned(prepared)
    try:
        trace = simulate_run(planning.plan, judge=planning.judge, pacer=planning.pacer)
        progress(0.8, "ledgers")
        return account(prepared, planning.plan, trace, planning.pacer)
    except SimulationError as error:
        raise SimulationError(f"{prepared.scenario.name}: {error}") from error


def account(
    prepared: Prepared, plan: RunPlan, trace: RunTrace, pacer: StepPacer | GivenPacer | None = None
) -> RunResult:
    """Return a run's ledgers and summary from its trace, checked for conservation; pacer: what timed its steps."""
    scenario, steps = prepared.scenario, prepared.steps
    profiles = tuple(step.profile for step in steps) or (None,)
    met = trace.judged[1:] if pacer else ()
    damaged = tuple(pacer.profiles(each) if isinstance(pacer, StepPacer) else (None,) for each in met)
    with rare_collections():
        columns = columned(trace)
        ledger = time_ledger(columns, profiles, damaged)
        check_conservation(columns, ledger)
        summary = summarize(trace, ledger, profiles)
        lots = lots_told(trace) if plan.repair.reorder else ()
        usage = _usage(scenario, prepared.bill, profiles, columns, ledger, summary, lots)
        costs = None if usage is None else _costs(scenario, usage)
    return RunResult(
        scenario=scenario,
        machine=prepared.machine,
        steps=steps,
        plan=plan,
        trace=trace,
        ledger=ledger,
        summary=summary,
        usage=usage,
        costs=costs,
        damaged=damaged,
        paces=tuple(pacer.times(each) for each in met) if pacer else (),
    )


def _usage(
    scenario: Scenario,
    bill: tuple[BomLine, ...],
    profiles: tuple[StepProfile | None, ...],
    columns: TraceColumns,
    ledger: TimeLedger,
    summary: RunSummary,
    lots: tuple[Lot, ...],
) -> Usage | None:
    """Return what a run used, None where nothing is billed."""
    asked, billing = scenario.machines, scenario.billing
    if billing is None or asked.storage is None or not bill:
        return None
    total, hardware = asked.nodes + asked.spare_nodes, (asked.node, asked.accelerator, bill, asked.storage)
    energy = energy_ledger(ledger, profiles, *hardware)
    return Usage(
        gpus=ledger.gpus,
        wall_us=ledger.wall_us,
        time=net_gpu_us(ledger),
        energy=energy,
        assets=Assets(
            node=asked.node.name,
            accelerator=asked.accelerator.name,
            tdp_w=asked.accelerator.tdp_w,
            nodes=total,
            gpus_per_node=asked.node.accelerators,
            bill=bill,
            storage=asked.storage.name,
            storage_bytes=asked.storage.capacity_bytes,
            nameplate_w=nameplate_w(asked.node, total, bill, asked.storage),
            liquid=asked.cooling is not None,
            pue=None if asked.cooling is None else asked.cooling.pue,
            lots=lots,
        ),
        visits=repair_visits(columns),
        interruptions=summary.interruptions,
        tokens=summary.tokens,
        by_hour_nj=by_hour_nj(ledger, *hardware) if billing.terms.peak_hours else (),
    )


def hours_of(result: RunResult) -> tuple[int, ...]:
    """Return the IT energy of a billed run by hour of the day, in nanojoules."""
    asked = result.scenario.machines
    assert result.usage is not None, "only what is billed has used energy"
    assert asked.storage is not None, "what is billed has a store"
    return by_hour_nj(result.ledger, asked.node, asked.accelerator, result.usage.assets.bill, asked.storage)


def _costs(scenario: Scenario, usage: Usage) -> CostLedger:
    billing = scenario.billing
    assert billing is not None, "what is used is billed"
    start = scenario.start.isoformat() if scenario.start else None
    return price(usage, billing.prices, billing.acquisition, billing.terms, start)
