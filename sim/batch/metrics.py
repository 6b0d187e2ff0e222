"""What is sampled from every run, by the names that `run --json` and `step --json` give it."""

from collections.abc import Callable, Mapping

from sim.ledger.bill.cost import total_usd
from sim.simulate import RunResult, StepResult, main_phase

HEADLINES = ("usd_per_trillion_tokens", "cost_usd", "step_time_s", "wall_time_s", "ettr")
"""What ranks variants: the first of these that all of them have and in which not all are the same."""

HIGHER_IS_BETTER = ("tokens", "step_mfu", "effective_mfu", "goodput", "ettr")


def sample(run: RunResult) -> dict[str, float]:
    """Return every metric that the run has: money only where something is billed, MFU only with a model."""
    values = {name: metric(run) for name, metric in METRICS.items()}
    return {name: value for name, value in values.items() if value is not None}


def main_step(run: RunResult) -> StepResult | None:
    """Return the step of the phase with most tokens, None where the step time was given."""
    training = run.scenario.training
    return None if training is None else run.steps[main_phase(training)]


def _step_time_s(run: RunResult) -> float | None:
    step = main_step(run)
    return None if step is None else step.profile.step_time_s


def _exposed(run: RunResult) -> float | None:
    step = main_step(run)
    if step is None:
        return None
    return sum(step.profile.fraction(state) for state in step.profile.state_ns if state.startswith("comm_"))


def _cost_usd(run: RunResult) -> float | None:
    return None if run.costs is None else float(total_usd(run.costs))


def _usd_per_trillion_tokens(run: RunResult) -> float | None:
    """Return what a run that stops at a horizon can be compared by with one that got further."""
    usd, tokens = _cost_usd(run), run.summary.tokens
    return None if usd is None or not tokens else usd / (tokens / 1e12)


METRICS: Mapping[str, Callable[[RunResult], float | None]] = {
    "cost_usd": _cost_usd,
    "usd_per_trillion_tokens": _usd_per_trillion_tokens,
    "tokens": lambda run: None if run.summary.tokens is None else float(run.summary.tokens),
    "wall_time_s": lambda run: run.summary.wall_time_s,
    "step_time_s": _step_time_s,
    "exposed_communication": _exposed,
    "step_mfu": lambda run: run.summary.step_mfu,
    "effective_mfu": lambda run: run.summary.effective_mfu,
    "goodput": lambda run: run.summary.goodput,
    "ettr": lambda run: run.summary.ettr,
    "job_gpu_hours": lambda run: run.summary.job_gpu_hours,
    "interruptions": lambda run: float(sum(run.summary.interruptions.values())),
}
"""By name; tokens are those retained, exposed_communication is the part of the main step's GPU-time that waits."""
