"""What slows a job without stopping it: slow GPUs and nodes, how long they are so, when they are found, and the day.

A step is synchronous: it waits for the slowest of its GPUs. How slow a part is, how long it stays so and how long it
takes to find it are drawn by the cause, the component and its how-manieth time, so that no policy moves them.
"""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from sim.errors import InputError, ScenarioError, unknown_name
from sim.reliability.failures.laws import check_law, draw_us, quantile
from sim.reliability.records import FailureClass, Law, RunPlan, Slowing, StragglerPlan, Swing
from sim.streams import Elements, uniform_at
from sim.workload.stragglers import GRAINS

DAY_US = 86_400_000_000

FALSE_ALARM = "false alarm"
"""Cause of the eviction of a node with which nothing is wrong."""

POLICIES = ("evict", "wait")
"""What becomes of a slow node that is found."""

SLOW_STATES = ("straggler", "throttle")
"""States of a step that hold what slow kernels cost it."""

SLOW_COMPONENTS = ("gpu", "node", "nic", "link")
"""What can be slow without being lost."""


class Slowed(NamedTuple):
    """GPUs of the job whose kernels take longer: one of the node in a seat, or all of them (gpu -1).

    grains: the factor on their time, in thousandths; throttles: whether the step books it as throttle.
    """

    seat: int
    gpu: int
    grains: int
    throttles: bool


class Pacer(Protocol):
    """Says how long steps take with slow GPUs; the same question has the same answer."""

    def condition(self, network: int, slow: Collection[Slowed], swung: bool) -> int:
        """Return the condition of a job under a condition of its network, with slow GPUs, in the swing of the day."""

    def step_us(self, condition: int) -> tuple[int, ...]:
        """Return how long steps take under a condition, by phase."""


class PaceTimes(NamedTuple):
    """How long steps take, by phase: on the network as it is, with the swing of the day too, and with slow GPUs too.

    damaged: whether the network is.
    """

    damaged: bool
    network_ns: tuple[int, ...]
    swung_ns: tuple[int, ...]
    step_ns: tuple[int, ...]


class GivenPacer:
    """Steps whose time was given: they take the largest factor of their nodes times as long, as all wait for it.

    network_us: how long steps take under a condition of the network.
    """

    def __init__(self, network_us: Callable[[int], Sequence[int]], swing: Swing | None = None) -> None:
        self.network_us = network_us
        self.swing = grains_of(swing.factor if swing else 1.0)
        self.known: dict[tuple[int, int, bool], int] = {(0, GRAINS, False): 0}

    def condition(self, network: int, slow: Collection[Slowed], swung: bool) -> int:
        """Return the number of (network, largest factor, swing)."""
        return self.known.setdefault((network, largest_grains(slow), swung), len(self.known))

    def step_us(self, condition: int) -> tuple[int, ...]:
        """Return how long steps take."""
        return tuple(round(ns / 1000) for ns in self.times(condition).step_ns)

    def times(self, condition: int) -> PaceTimes:
        """Return what the network, the day and slow GPUs make of a step."""
        network, grains, swung = [*self.known][condition]
        whole = [1000 * us for us in self.network_us(network)]
        swing = self.swing if swung else GRAINS
        hour = [ns * swing // GRAINS for ns in whole]
        slowed = tuple(ns * swing * grains // GRAINS**2 for ns in whole)
        return PaceTimes(network != 0, tuple(whole), tuple(hour), slowed)


def grains_of(factor: float) -> int:
    """Return a factor in thousandths, 1 at least: nothing is faster than its kind.

    >>> grains_of(1.2)
    1200
    """
    return max(GRAINS, round(factor * GRAINS))


def largest_grains(slow: Collection[Slowed]) -> int:
    """Return the largest factor of any GPU; what slows a GPU and what slows its node multiply.

    >>> largest_grains([Slowed(0, -1, 1100, False), Slowed(0, 3, 1200, True), Slowed(1, 0, 1250, False)])
    1320
    """
    return max((round(own * hot * GRAINS) for own, hot in gpu_factors(slow).values()), default=GRAINS)


def gpu_factors(slow: Collection[Slowed]) -> dict[tuple[int, int], tuple[float, float]]:
    """Return the factors of every slow (seat, gpu), without what throttles and of it; gpu -1 stands for the others.

    >>> gpu_factors([Slowed(0, -1, 1100, False), Slowed(0, 3, 1200, True)])
    {(0, -1): (1.1, 1.0), (0, 3): (1.1, 1.2)}
    """
    wide: dict[int, tuple[float, float]] = {}
    for each in sorted(each for each in slow if each.gpu < 0):
        wide[each.seat] = _times(wide.get(each.seat, (1.0, 1.0)), each)
    factors = {(seat, -1): pair for seat, pair in wide.items()}
    for each in sorted(each for each in slow if each.gpu >= 0):
        key = each.seat, each.gpu
        factors[key] = _times(factors.get(key, wide.get(each.seat, (1.0, 1.0))), each)
    return factors


def _times(factors: tuple[float, float], slow: Slowed) -> tuple[float, float]:
    own, hot = factors
    return (own, hot * slow.grains / GRAINS) if slow.throttles else (own * slow.grains / GRAINS, hot)


def is_swung(swing: Swing, now_us: int) -> bool:
    """Say whether an instant of a run lies in the swing of its day.

    >>> noon = Swing(from_us=DAY_US // 2, to_us=DAY_US * 3 // 4, factor=1.015)
    >>> [is_swung(noon, DAY_US * quarters // 4) for quarters in (1, 2, 3, 6)]
    [False, True, False, True]
    """
    day_us = now_us % DAY_US
    if swing.from_us < swing.to_us:
        return swing.from_us <= day_us < swing.to_us
    return not swing.to_us <= day_us < swing.from_us


def next_turn_us(swing: Swing, now_us: int) -> int:
    """Return when the swing next begins or ends, after an instant.

    >>> noon = Swing(from_us=DAY_US // 2, to_us=DAY_US * 3 // 4, factor=1.015)
    >>> next_turn_us(noon, DAY_US // 2) == DAY_US * 3 // 4, next_turn_us(noon, DAY_US) == DAY_US * 3 // 2
    (True, True)
    """
    day_us = now_us % DAY_US
    return now_us + min((turn - day_us - 1) % DAY_US + 1 for turn in (swing.from_us, swing.to_us))


class SlowDraws:
    """Draws of a run's slow parts: by cause and component, for its how-manieth time; false alarms by their number."""

    __slots__ = ("elements", "seed")

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.elements: dict[tuple[str, str, int], Elements] = {}

    def grains(self, failure: FailureClass, slowing: Slowing, component: int, ordinal: int) -> int:
        """Return the factor on the time of kernels, in thousandths; one that is drawn is rounded to a hundredth.

        Drawn factors that are alike share the profile of a step.
        """
        drawn = self._uniform(slowing.longer, "slow-factor", failure.cause, ordinal, component)
        factor = 1.0 + float(quantile(slowing.longer, np.array(drawn)))
        return grains_of(factor if slowing.longer.kind == "constant" else round(factor, 2))

    def heals_us(self, failure: FailureClass, law: Law, component: int, ordinal: int) -> int:
        """Return how long a part is slow."""
        return max(1, draw_us(law, self._uniform(law, "slow-time", failure.cause, ordinal, component)))

    def delay_us(self, failure: FailureClass, plan: StragglerPlan, component: int, ordinal: int) -> int:
        """Return how long it takes to find a slow part."""
        return draw_us(plan.delay, self._uniform(plan.delay, "slow-found", failure.cause, ordinal, component))

    def false_alarm(self, mean_s: float, number: int, nodes: int) -> tuple[int, int]:
        """Return the time from one false alarm to the next, and the seat that it evicts."""
        gap = uniform_at(self.seed, "false-alarm", "gap", index=number)
        seat = uniform_at(self.seed, "false-alarm", "seat", index=number)
        return max(1, draw_us(Law(kind="exponential", mean_s=mean_s), gap)), int(seat * nodes)

    def _uniform(self, law: Law, what: str, cause: str, ordinal: int, component: int) -> float:
        if law.kind == "constant":
            return 0.0
        names = what, cause, ordinal
        if names not in self.elements:
            self.elements[names] = Elements(self.seed, *names)
        return self.elements[names].at(component)


def at_once(plan: RunPlan) -> dict[str, Law]:
    """Return causes whose interruptions need no detection: who evicts a node knows why the job stops."""
    slow = [failure.cause for failure in plan.failures if failure.slowing is not None]
    return dict.fromkeys([*slow, *([FALSE_ALARM] if plan.recovery.stragglers else [])], Law())


def causes_of(plan: RunPlan) -> tuple[str, ...]:
    """Return the causes of a plan, by their positions; after them that of false alarms, where there is who raises any.

    >>> from sim.reliability.examples import run_plan
    >>> causes_of(run_plan())
    ('gpu', 'software')
    """
    causes = tuple(failure.cause for failure in plan.failures)
    return (*causes, FALSE_ALARM) if plan.recovery.stragglers else causes


def touches_network(failure: FailureClass) -> bool:
    """Say whether a cause takes a part of the network, or some of its bandwidth."""
    return failure.of_network or (failure.slowing is not None and failure.slowing.bandwidth < 1)


def has_slow(plan: RunPlan) -> bool:
    """Say whether anything of a run can slow its steps beside its network, or evict a node."""
    stragglers = plan.recovery.stragglers
    alarms = stragglers is not None and stragglers.false_alarm_s is not None
    return alarms or plan.swing is not None or any(failure.slowing for failure in plan.failures)


def check_slowing(failure: FailureClass, where: str) -> None:
    """Raise InputError for a part that cannot be slow, or that is lost or replaced as well."""
    slowing = failure.slowing
    if slowing is None:
        return
    if failure.component not in SLOW_COMPONENTS:
        raise unknown_name("component that can be slow", failure.component, SLOW_COMPONENTS, where)
    if failure.replace or failure.outage is not None or failure.stops:
        raise ScenarioError(f"{where}: is slow; expected nothing that is lost, replaced or stopped")
    if slowing.state not in SLOW_STATES:
        raise unknown_name("state", slowing.state, SLOW_STATES, where)
    check_law(slowing.longer, f"{where}: slow")
    if slowing.heals is not None:
        check_law(slowing.heals, f"{where}: repair")
    if not 0 < slowing.bandwidth <= 1 or (slowing.bandwidth < 1 and failure.component not in ("nic", "link")):
        raise InputError(
            f"{where}: a {failure.component} keeps {slowing.bandwidth:g} of its bandwidth; expected a nic or link, and "
            "more than 0 to 1"
        )


def check_stragglers(plan: StragglerPlan | None, swing: Swing | None) -> None:
    """Raise InputError for a detector or a swing of the day that cannot be."""
    if plan is not None:
        if plan.policy not in POLICIES:
            raise unknown_name("policy", plan.policy, POLICIES, "recovery.stragglers.policy")
        check_law(plan.delay, "recovery.stragglers.delay")
        if not plan.threshold >= 1 or (plan.false_alarm_s is not None and not plan.false_alarm_s > 0):
            raise InputError(
                f"recovery.stragglers: got threshold {plan.threshold:g} and false alarms every {plan.false_alarm_s} s; "
                "expected at least 1, and more than 0"
            )
    if swing is not None and not (
        0 <= swing.from_us < DAY_US and 0 <= swing.to_us < DAY_US and swing.from_us != swing.to_us and swing.factor >= 1
    ):
        raise InputError(f"swing: got {swing}; expected two times of a day, and a factor of at least 1")
