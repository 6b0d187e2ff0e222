"""What each run of a campaign comes to, before anybody knows when it runs: simulated, or as given."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from sim.campaign.records import Asset, Campaign, RunEntry
from sim.errors import InputError
from sim.ledger.power.energy import energy_ledger, gpu_power_w
from sim.ledger.time.states import IN_JOB
from sim.ledger.time.time_ledger import Key, net_gpu_us
from sim.scenario import Scenario
from sim.scenario.load import scenario_of
from sim.simulate import Prepared, RunResult, prepare, reseeded, simulate_prepared
from sim.streams import stream

Progress = Callable[[float, str], None]

FAILED = "failed"
"""Kind and label of an attempt that a fault ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One run: how long it holds its nodes, and what their GPUs did and drew.

    name: of the run; attempt: from 1 on. kind, label: those of its entry, "failed" where a fault ended it. time:
    GPU-microseconds, node_nj: energy of its nodes, both by key; chips_nj: what the GPUs drew of it. result: None where
    the work is given, and once it is written; flop: useful, None where that is not known.
    """

    name: str
    entry: RunEntry
    attempt: int
    kind: str
    label: str
    wall_us: int
    time: Mapping[Key, int]
    node_nj: Mapping[Key, int]
    chips_nj: int
    ended: str
    visits: Mapping[str, int]
    interruptions: Mapping[str, int]
    result: RunResult | None = None
    flop: float | None = None
    tokens: int | None = None

    @property
    def held_us(self) -> int:
        """GPU-microseconds held."""
        return sum(self.time.values())

    @property
    def job_us(self) -> int:
        """GPU-microseconds in the job, as model cards count them."""
        return sum(amount for key, amount in self.time.items() if key.state in IN_JOB)


def outcomes(campaign: Campaign, progress: Progress, allow_plugins: bool = False) -> Iterator[Outcome]:
    """Yield the outcome of every run and attempt, in the order in which they are written.

    An attempt that a fault ends is followed by another from scratch, under other failures, while its entry has any
    left. Raises InputError as a scenario does, naming the run.
    """
    assets = {asset.name: asset for asset in campaign.assets}
    for index, entry in enumerate(campaign.runs):
        progress(0.9 * index / len(campaign.runs), f"run {entry.name}")
        asset = assets[entry.asset]
        if entry.tree is None:
            yield from (_given(entry, asset, run_name(entry, ordinal, 1)) for ordinal in range(entry.count))
            continue
        try:
            yield from _simulated(campaign, entry, allow_plugins)
        except InputError as error:
            lines = [f"{campaign.source}: runs.{entry.name}: {line}" for line in str(error).splitlines()]
            raise type(error)("\n".join(lines)) from error


def run_name(entry: RunEntry, ordinal: int, attempt: int) -> str:
    """Return the name of one run of an entry: its ordinal where there are several, its attempt after the first.

    >>> run_name(RunEntry(name="a", kind="final", label="", asset="", nodes=1, count=3), 1, 2)
    'a-2 attempt 2'
    """
    name = entry.name if entry.count == 1 else f"{entry.name}-{ordinal + 1}"
    return name if attempt == 1 else f"{name} attempt {attempt}"


def run_seed(campaign: Campaign, entry: RunEntry, ordinal: int, attempt: int) -> int:
    """Return the seed of a run: that of the campaign and its own name, whatever else is in the campaign."""
    return int(stream(campaign.seed, "campaign", entry.name, ordinal, attempt).integers(1, 2**31))


def _simulated(campaign: Campaign, entry: RunEntry, allow_plugins: bool) -> Iterator[Outcome]:
    base, prepared = _scenario(entry, entry.name, campaign.seed), None
    for ordinal in range(entry.count):
        for attempt in range(1, entry.attempts + 1):
            name = run_name(entry, ordinal, attempt)
            scenario = _seeded(entry, base, name, run_seed(campaign, entry, ordinal, attempt))
            prepared = _prepared(scenario, prepared, allow_plugins)
            outcome = outcome_of(entry, name, attempt, simulate_prepared(prepared))
            yield outcome
            if outcome.kind != FAILED:
                break


def _scenario(entry: RunEntry, name: str, seed: int) -> Scenario:
    assert entry.tree is not None, "asked of runs with a scenario"
    run = {**entry.tree["run"], "seed": seed}
    return scenario_of({**entry.tree, "name": name, "run": run}, "scenario")


def _seeded(entry: RunEntry, base: Scenario, name: str, seed: int) -> Scenario:
    """Return a scenario under another seed: read anew where it draws what is lost, or nodes of a log."""
    assert entry.tree is not None, "asked of runs with a scenario"
    drawn = base.machines.health is not None or base.failures.provenance is not None
    return _scenario(entry, name, seed) if drawn else replace(base, name=name, seed=seed)


def _prepared(scenario: Scenario, before: Prepared | None, allow_plugins: bool) -> Prepared:
    return prepare(scenario, allow_plugins=allow_plugins) if before is None else reseeded(before, scenario)


def outcome_of(entry: RunEntry, name: str, attempt: int, result: RunResult) -> Outcome:
    """Return the outcome of a simulated run; network and store draw no energy here: they are the whole cluster's."""
    asked, summary = result.scenario.machines, result.summary
    assert asked.storage is not None and result.usage is not None, "the scenario of a run has a bill"
    no_store = replace(asked.storage, server_power_w=0.0)
    energy = energy_ledger(result.ledger, result.profiles, asked.node, asked.accelerator, (), no_store)
    aborted = summary.aborted
    flops = [step.profile.model_flops for step in result.steps]
    steps = result.trace.retained_steps
    return Outcome(
        name=name,
        entry=entry,
        attempt=attempt,
        kind=FAILED if aborted else entry.kind,
        label=FAILED if aborted else entry.label,
        wall_us=result.ledger.wall_us,
        time=net_gpu_us(result.ledger),
        node_nj=energy.it_nj,
        chips_nj=energy.chips_nj,
        ended=f"fault: {aborted}" if aborted else "complete" if summary.complete else "horizon",
        visits=result.usage.visits,
        interruptions=summary.interruptions,
        result=result,
        flop=sum(n * each for n, each in zip(steps, flops, strict=True)) if flops else None,
        tokens=summary.tokens,
    )


def _given(entry: RunEntry, asset: Asset, name: str) -> Outcome:
    """Return the outcome of given work: its GPUs do nothing but step, as where a step time is given."""
    assert entry.given is not None, "an entry has a scenario or is given"
    gpus = entry.nodes * asset.gpus_per_node
    wall_us = -(-entry.given.gpu_us // gpus)
    machines = asset.machines
    watts = gpu_power_w(machines.accelerator, machines.node)["busy"]
    key = Key("step", "", 0)
    return Outcome(
        name=name,
        entry=entry,
        attempt=1,
        kind=entry.kind,
        label=entry.label,
        wall_us=wall_us,
        time={key: wall_us * gpus},
        node_nj={key: wall_us * gpus * round(1000 * watts)},
        chips_nj=wall_us * gpus * round(1000 * machines.accelerator.busy_w),
        ended="given",
        visits={},
        interruptions={},
        flop=entry.given.flop,
    )


def gpu_hours(gpu_us: int) -> float:
    """Return GPU-microseconds in hours.

    >>> gpu_hours(7_200_000_000)
    2.0
    """
    return gpu_us / 3_600_000_000
