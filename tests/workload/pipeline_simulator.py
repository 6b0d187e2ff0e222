"""A longest-path simulator of pipeline orders: an independent check, without SimPy and without contention."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sim.workload.schedules import Op, Order, Route

Unit = tuple[Op, ...]
"""Operations that start together, when the inputs of all are there, and end together."""

_SOURCE = {"F": -1, "B": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Per stage: its own start, its end and how long it worked."""

    starts: tuple[float, ...]
    ends: tuple[float, ...]
    busy: tuple[float, ...]

    @property
    def makespan(self) -> float:
        return max(self.ends) - min(self.starts)

    @property
    def longest_span(self) -> float:
        """The cost of the zero-bubble paper."""
        return max(end - start for start, end in zip(self.starts, self.ends, strict=True))

    @property
    def idle(self) -> tuple[float, ...]:
        """What each stage does not work within the makespan."""
        return tuple(self.makespan - busy for busy in self.busy)


def simulate(order: Order, routes: Sequence[Route], durations: Mapping[str, float], latency: float = 0.0) -> Timeline:
    """Run every operation by itself; raise ValueError on a deadlock."""
    return simulate_units([[(op,) for op in ops] for ops in order], routes, durations, latency=latency)


def simulate_units(
    stages: Sequence[Sequence[Unit]],
    routes: Sequence[Route],
    durations: Mapping[str, float],
    pair: float = 0.0,
    latency: float = 0.0,
) -> Timeline:
    """Run every stage in its order; a unit of a forward and a backward takes `pair`, any other the sum of its parts."""
    ends: dict[tuple[int, Op], float] = {}
    starts, free, busy = ([0.0] * len(stages) for _ in range(3))
    at = [0] * len(stages)
    moved = True
    while moved:
        moved = False
        for i, units in enumerate(stages):
            while at[i] < len(units) and (ready := _ready(units[at[i]], i, routes, ends, latency)) is not None:
                unit = units[at[i]]
                overlaps = {"F", "B"} <= {op.kind for op in unit}
                takes = pair if overlaps else sum(durations[op.kind] for op in unit)
                begin = max(ready, free[i])
                starts[i] = begin if at[i] == 0 else starts[i]
                free[i] = begin + takes
                busy[i] += takes
                ends.update({(i, op): free[i] for op in unit})
                at[i] += 1
                moved = True
    if any(at[i] < len(units) for i, units in enumerate(stages)):
        raise ValueError("deadlock")
    return Timeline(starts=tuple(starts), ends=tuple(free), busy=tuple(busy))


def peak_activations(order: Order, held: Mapping[str, float]) -> tuple[float, ...]:
    """Largest activation memory of each stage; held[kind] is what an operation of that kind leaves behind or frees."""
    peaks = []
    for ops in order:
        live = peak = 0.0
        for op in ops:
            live += held[op.kind]
            peak = max(peak, live)
        peaks.append(peak)
    return tuple(peaks)


def check_split_order(order: Order, routes: Sequence[Route]) -> None:
    """Assert that each stage runs F, B and W of each microbatch that passes it once, and in that order."""
    for stage, ops in enumerate(order):
        assert len(set(ops)) == len(ops)
        position = {op: i for i, op in enumerate(ops)}
        places = [(m, chunk) for m, route in enumerate(routes) for there, chunk in route if there == stage]
        assert len(ops) == 3 * len(places)
        for m, chunk in places:
            assert position[Op("F", m, chunk)] < position[Op("B", m, chunk)] < position[Op("W", m, chunk)]


def _ready(
    unit: Unit, stage: int, routes: Sequence[Route], ends: Mapping[tuple[int, Op], float], latency: float
) -> float | None:
    """When the inputs of a unit are there; None while what sends one has not run."""
    ready = 0.0
    for op in unit:
        for there, needed in _inputs(op, stage, routes[op.microbatch]):
            if needed in unit and there == stage:
                continue
            end = ends.get((there, needed))
            if end is None:
                return None
            ready = max(ready, end + (latency if there != stage else 0.0))
    return ready


def _inputs(op: Op, stage: int, route: Route) -> list[tuple[int, Op]]:
    if op.kind == "W":
        return [(stage, Op("B", op.microbatch, op.chunk))]
    inputs = [(stage, Op("F", op.microbatch, op.chunk))] if op.kind == "B" else []
    source = route.index((stage, op.chunk)) + _SOURCE[op.kind]
    if 0 <= source < len(route):
        there, chunk = route[source]
        inputs.append((there, Op(op.kind, op.microbatch, chunk)))
    return inputs
