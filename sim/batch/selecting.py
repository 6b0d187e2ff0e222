"""Selecting the best of several variants: what is asked, and what replications say so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sim.batch.metrics import HIGHER_IS_BETTER, METRICS
from sim.batch.statistics.selection import screened
from sim.errors import InputError, ScenarioError, unknown_name

PROBABILITY = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """What is to be selected: the best in a metric, with a probability, where it is better by `within` at least.

    within: in the metric's unit, or where `relative` as a fraction of the first variant's mean in the first stage.
    """

    metric: str
    within: float
    relative: bool
    probability: float = PROBABILITY


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """What replications say: variants (by place) that may be the best, and after how many replications others went.

    left has one where it is decided; within: in the metric's unit; most: replications by which it is decided.
    """

    best: Best
    within: float
    left: tuple[int, ...]
    gone: Mapping[int, int]
    most: int

    @property
    def undecided(self) -> bool:
        """Whether several may be the best."""
        return len(self.left) > 1


def best_of(metric: str, within: str | float, probability: float, where: str) -> Best:
    """Return what is asked in words: `0.2 %` of the first variant, or a number in the metric's unit.

    Raises InputError for a metric that no run has, or numbers that say nothing.

    >>> best_of("cost_usd", "0.2 %", 0.95, "--select")
    Best(metric='cost_usd', within=0.002, relative=True, probability=0.95)
    >>> best_of("cost_usd", 50_000, 0.95, "--select").within
    50000.0
    """
    if metric not in METRICS:
        raise unknown_name("metric", metric, list(METRICS), where)
    text = str(within).strip()
    relative = text.endswith("%")
    try:
        value = float(text.removesuffix("%")) / (100 if relative else 1)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise InputError(f"{where}: got {within!r} for what counts as a difference; expected more than 0, such as 0.2%")
    if not 0.5 < probability < 1:
        raise InputError(f"{where}: got a probability of {probability:g}; expected more than 0.5 and less than 1")
    return Best(metric=metric, within=value, relative=relative, probability=probability)


def asked_best(text: str | None, probability: float) -> Best | None:
    """Return what `--select METRIC=WITHIN` asks. Raises InputError."""
    if text is None:
        return None
    metric, equals, within = text.partition("=")
    if not (equals and within.strip()):
        raise InputError(f"--select {text}: expected METRIC=WITHIN, such as cost_usd=0.2%")
    return best_of(metric.strip(), within, probability, "--select")


def selected(best: Best, samples: Sequence[Mapping[str, Sequence[float]]], first: int) -> Selected:
    """Return what samples of every variant say; first: replications of the first stage. Raises ScenarioError."""
    if any(best.metric not in each for each in samples):
        known = [name for name in METRICS if all(name in each for each in samples)]
        raise ScenarioError(f"--select {best.metric}: not all variants have it; expected one of {', '.join(known)}")
    sign = 1 if best.metric in HIGHER_IS_BETTER else -1
    values = [[sign * value for value in each[best.metric]] for each in samples]
    within = best.within * (abs(sum(values[0][:first])) / first if best.relative else 1.0)
    if within <= 0:
        raise ScenarioError(
            f"--select {best.metric}: the first variant's mean is 0; expected a number, not a percentage"
        )
    found = screened(values, within=within, probability=best.probability, first=first)
    return Selected(best=best, within=within, left=found.left, gone=found.gone, most=found.most)
