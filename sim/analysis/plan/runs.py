"""A plan by estimate and by simulation: the layout search, and runs with failures, checkpoints and a bill."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
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
from sim.scenario.records import Phase
from sim.simulate import RunResult, reseeded, simulate_prepared
from sim.steps import simulate_phase

SPACE = Space(micro_batches=(1, 2, 4), tolerance=0.06)
"""What plans search: batches may move a little, so that odd numbers of replicas divide them."""

ETTR = 0.93
"""Of the estimate, until a simulation knows better (Llama 3: above 0.9)."""


def draft_of(
    question: Question, tree: Mapping[str, Any], node: str, gpus: int, work: Work, progress: Progress
) -> Draft | None:
    """Return the plan of a work on so many GPUs in the layout of least time, None where no layout fits their memory."""
    job = plan_job(tree, node, gpus, work.model, work.tokens, question.book)
    ranking = search_layouts(job, SPACE, best=1, limit_s=inf, most=question.most_layouts, progress=progress)
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
    progress(0.0, f"step on {draft.gpus:,} GPUs of {draft.node}")
    job, phase = draft.job, phase_of(draft.best.candidate, draft.job.phase)
    step = simulate_phase(job.scenario, job.machine, phase)
    prepared = Prepared(scenario=job.scenario, machine=job.machine, steps=(step,), bill=materials(job.machine))
    return _outcome(question, draft, prepared, tokens, seeds, progress)


def again(question: Question, outcome: Outcome, tokens: float, seeds: int, progress: Progress) -> Outcome:
    """Return the same plan with other tokens; its step is the same."""
    return _outcome(question, outcome.draft, outcome.prepared, tokens, seeds, progress)


def _outcome(
    question: Question, draft: Draft, prepared: Prepared, tokens: float, seeds: int, progress: Progress
) -> Outcome:
    prepared = _with_tokens(prepared, tokens)
    first, results = prepared.scenario.seed, []
    for number in range(seeds):
        progress(number / seeds, f"runs on {draft.gpus:,} GPUs of {draft.node}")
        own = prepared if number == 0 else reseeded(prepared, replace(prepared.scenario, seed=first + number))
        results.append(_completed(own))
    profile = prepared.steps[0].profile
    return Outcome(
        draft=draft,
        prepared=prepared,
        tokens=tokens,
        loss=work_of(question, draft.work.model, tokens).loss,
        runs=tuple(map(_run, results)),
        step_s=profile.step_time_s,
        mfu=profile.mfu,
        waterfall={state: profile.fraction(state) for state in profile.state_ns},
        peak_bytes=max(stage.total for stage in profile.memory),
        power_w=power_w(draft.job),
        cost=_mean_cost(results),
    )


def _with_tokens(prepared: Prepared, tokens: float) -> Prepared:
    """Return a job that trains so many tokens in the phase that its step is of."""
    step = prepared.steps[0]
    phase: Phase = replace(step.phase, tokens=max(1, round(tokens)))
    training = prepared.scenario.training
    assert training is not None, "a plan has a model"
    scenario = replace(prepared.scenario, training=replace(training, phases=(phase,)))
    return replace(prepared, scenario=scenario, steps=(replace(step, phase=phase),))


def _mean_cost(results: Sequence[RunResult]) -> dict[str, float]:
    """Return the mean dollars of each item."""
    total: Counter[str] = Counter()
    for result in results:
        assert result.costs is not None, "a plan is billed"
        for posting in result.costs.postings:
            total[posting.item] += posting.micro_usd
    return {item: amount * 1e-6 / len(results) for item, amount in total.items()}


def _completed(prepared: Prepared) -> RunResult:
    result = simulate_prepared(prepared)
    if not result.summary.complete:
        raise SimulationError(f"plan: the run under seed {prepared.scenario.seed} ended before its tokens were trained")
    return result


def _run(result: RunResult) -> Run:
    summary = result.summary
    assert result.costs is not None, "a plan is billed"
    return Run(
        seed=result.scenario.seed,
        wall_s=summary.wall_time_s,
        cost_usd=float(total_usd(result.costs)),
        gpu_hours=summary.gpu_hours,
        effective_mfu=summary.effective_mfu or 0.0,
        interruptions=sum(summary.interruptions.values()),
        useful_flop=result.trace.retained_steps[0] * result.steps[0].profile.model_flops,
    )


def peak_flops(node: str, precision: str) -> float:
    """Return the dense peak of a node's accelerator, of bf16 where it lacks the precision."""
    peaks = catalog.accelerator(catalog.node(node).accelerator).peak_flops_per_s
    return peaks.get(precision, peaks["bf16"])
