"""Anchoring: a user's own measured step times correct the level of predictions, visibly and within limits.

Shapes carry over better than levels: with one measured row of a sweep as anchor, errors of the others fall to a
fraction. One number moves, the pace of kernels within a step; what-ifs are then relative to something real.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import exp, log

from sim.catalog.records import Provenance
from sim.errors import InputError, ScenarioError
from sim.scenario.records import Anchor, Scenario

LIMITS = (0.7, 1.3)
"""How far the kernel level may move, as factors: software alone moves a configuration by 7 to 40 % between releases."""

TOLERANCE = 1e-4
"""Of the mean log ratio of simulated to measured."""

StepTime = Callable[[Scenario], float]
"""Seconds of the step of a scenario's main phase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchoredRow:
    """One measured step time, and what was simulated before and after the correction."""

    source: str
    measured_s: float
    before_s: float
    after_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchoring:
    """What moved: the software's kernel level, from where to where; at_limit: a larger move was called for."""

    before: float
    after: float
    at_limit: bool
    rows: tuple[AnchoredRow, ...]


def anchored(scenario: Scenario, step_times: Callable[[Anchor], StepTime]) -> tuple[Scenario, Anchoring | None]:
    """Return a scenario whose kernels run at the pace that its anchors show, and what moved; unchanged without anchors.

    The level solves mean log(simulated / measured) = 0 over the anchors, by the secant rule between limits.
    step_times: makes the simulator of one anchor, so that its machine is wired once. Raises ScenarioError for anchors
    of another stack than the scenario's, whose pace says nothing of it.
    """
    if not scenario.anchors or scenario.training is None:
        return scenario, None
    _check_stack(scenario)
    simulators = []
    for anchor in scenario.anchors:
        with _about(anchor):
            simulators.append(step_times(anchor))
    before = scenario.training.software.kernel_level

    def simulated(level: float) -> list[float]:
        times = []
        for anchor, step_time in zip(scenario.anchors, simulators, strict=True):
            with _about(anchor):
                times.append(step_time(at_level(anchor.scenario, level)))
        return times

    first = simulated(before)
    level, last = _solve(before, first, simulated, [anchor.step_time_s for anchor in scenario.anchors])
    rows = tuple(
        AnchoredRow(source=anchor.source, measured_s=anchor.step_time_s, before_s=one, after_s=other)
        for anchor, one, other in zip(scenario.anchors, first, last, strict=True)
    )
    at_limit = level in (before * LIMITS[0], before * LIMITS[1])
    return at_level(scenario, level), Anchoring(before=before, after=level, at_limit=at_limit, rows=rows)


@contextmanager
def _about(anchor: Anchor) -> Iterator[None]:
    """Say of an anchor that cannot be simulated that it is one: the scenario itself may well fit."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"calibration.anchor: '{anchor.source}': {error}") from error


def at_level(scenario: Scenario, level: float) -> Scenario:
    """Return a scenario whose software runs kernels at a pace."""
    training = scenario.training
    assert training is not None, "an anchor has a model"
    own = Provenance(source="[calibration] anchor", date="", kind="fitted")
    software = replace(
        training.software, kernel_level=level, sources={**training.software.sources, "kernel_level": own}
    )
    return replace(scenario, training=replace(training, software=software))


def _solve(
    before: float, first: list[float], simulated: Callable[[float], list[float]], measured: list[float]
) -> tuple[float, list[float]]:
    """Return the level at which the mean log error vanishes, or the limit before it; a step never takes less time."""
    low, high = before * LIMITS[0], before * LIMITS[1]
    level, times = before, first
    slope = -1.0
    for _ in range(12):
        error = _mean_log(times, measured)
        if abs(error) < TOLERANCE:
            break
        wanted = min(max(level * exp(-error / slope), low), high)
        if wanted == level:
            break
        after = simulated(wanted)
        change = _mean_log(after, measured) - error
        # Where little of a step is kernels it answers little to their pace.
        slope = min(change / log(wanted / level), -0.05)
        level, times = wanted, after
    return level, times


def _mean_log(times: list[float], measured: list[float]) -> float:
    return sum(log(one / other) for one, other in zip(times, measured, strict=True)) / len(times)


def _check_stack(scenario: Scenario) -> None:
    assert scenario.training is not None
    wanted = scenario.training.software.name
    for anchor in scenario.anchors:
        assert anchor.scenario.training is not None, "checked when it was read"
        got = anchor.scenario.training.software.name
        if got != wanted:
            raise ScenarioError(
                f"calibration.anchor: '{anchor.source}' was measured with {got}, this scenario runs {wanted}; "
                "expected the same software"
            )
