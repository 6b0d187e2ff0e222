"""A plan by estimate and by simulation: the layout search, and runs with failures, checkpoints and a bill."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sim import catalog
from sim.analysis.plan.build import plan_job
from sim.analysis.plan.layouts.records import Job, Progress, Space, phase_of
from sim.analysis.plan.layouts.search import search_layouts
from sim.analysis.plan.records import Draft, Outcome, Question, Run, Work
from sim.analysis.plan.works import work_of
from sim.errors import SimulationError
from sim.ledger.bill.cost import total_usd
from sim.ledger.bill.prices import price_of
from sim.ledger.power.energy import peak_it_w
from sim.machine import materials
from sim.planning import Prepared
from sim.scenario.records import Phase, Scenario
from sim.simulate import prepare, reseeded, simulate_prepared

SPACE = Space(micro_batches=(1, 2, 4), tolerance=0.06)
"""What plans search: batches may move a little, so that odd numbers of replicas divide them."""

ETTR = 0.93
"""Of the estimate, until a simulation knows better (Llama 3: above 0.9)."""


def draft_of(
    question: Question, tree: Mapping[str, Any], node: str, gpus: int, work: Work, progress: Progress
) -> Draft | None:
    """Return the plan of a work on so many GPUs in the layout of least time, None where no layout fits their memory."""
    job = plan_job(tree, node, gpus, work.model, work.tokens, question.book)
    ranking = search_layouts(job, SPACE, best=1, limit_s=question.limit_s, progress=progress)
    if not ranking.best:
        return None
    return Draft(node=node, gpus=gpus, work=work, job=job, ranking=ranking, best=ranking.best[0])


def estimated_s(draft: Draft) -> float:
    """Return the estimated time of a draft's whole training."""
    sequences = draft.work.tokens / draft.job.phase.batch.sequence_length
    return sequences * draft.best.per_sequence_s / ETTR


def power_w(job: Job) -> float:
    """Return what a job's cluster draws at most at the meter, spares included."""
    machines, billing = job.scenario.machines, job.scenario.billing
    assert machines.storage is not None, "a plan has a store"
    assert billing is not None, "a plan is billed"
    gpus = (machines.nodes + machines.spare_nodes) * machines.node.accelerators
    it_w = peak_it_w(machines.node, machines.accelerator, gpus, materials(job.machine), machines.storage)
    return it_w * float(price_of(billing.prices, "energy/pue"))


def simulated(question: Question, draft: Draft, tokens: float, seeds: int, progress: Progress) -> Outcome:
    """Return what runs of a draft come to under consecutive seeds, with so many tokens."""
    prepared = _prepared(draft, tokens, progress)
    first = prepared.scenario.seed
    runs = []
    for number in range(seeds):
        progress(number / seeds, f"runs on {draft.gpus:,} GPUs of {draft.node}")
        own = prepared if number == 0 else reseeded(prepared, replace(prepared.scenario, seed=first + number))
        runs.append(_run(own))
    profile = prepared.steps[0].profile
    return Outcome(
        draft=draft,
        tokens=tokens,
        loss=work_of(question, draft.work.model, tokens).loss,
        runs=tuple(runs),
        step_s=profile.step_time_s,
        mfu=profile.mfu,
        waterfall={state: profile.fraction(state) for state in profile.state_ns},
        peak_bytes=max(stage.total for stage in profile.memory),
        power_w=power_w(draft.job),
    )


def again(question: Question, outcome: Outcome, tokens: float, seeds: int, progress: Progress) -> Outcome:
    """Return the same plan with other tokens."""
    return simulated(question, outcome.draft, tokens, seeds, progress)


def _prepared(draft: Draft, tokens: float, progress: Progress) -> Prepared:
    return prepare(_scenario(draft, tokens), progress)


def _scenario(draft: Draft, tokens: float) -> Scenario:
    scenario = draft.job.scenario
    assert scenario.training is not None, "a plan has a model"
    phase: Phase = replace(phase_of(draft.best.candidate, draft.job.phase), tokens=max(1, round(tokens)))
    return replace(scenario, training=replace(scenario.training, phases=(phase,)))


def _run(prepared: Prepared) -> Run:
    result = simulate_prepared(prepared)
    if not result.summary.complete or result.costs is None:
        raise SimulationError(f"plan: the run under seed {prepared.scenario.seed} ended before its tokens were trained")
    flop = result.trace.retained_steps[0] * result.steps[0].profile.model_flops
    return Run(
        seed=prepared.scenario.seed,
        wall_s=result.summary.wall_time_s,
        cost_usd=float(total_usd(result.costs)),
        gpu_hours=result.summary.gpu_hours,
        effective_mfu=result.summary.effective_mfu or 0.0,
        interruptions=sum(result.summary.interruptions.values()),
        useful_flop=flop,
    )


def peak_flops(node: str, precision: str) -> float:
    """Return the dense peak of a node's accelerator, of bf16 where it lacks the precision."""
    peaks = catalog.accelerator(catalog.node(node).accelerator).peak_flops_per_s
    return peaks.get(precision, peaks["bf16"])
