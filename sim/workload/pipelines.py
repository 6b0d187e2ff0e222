"""Schedule kinds by name, and what holds for all of them: routes, checks, activations in flight."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from sim.errors import LayoutError, unknown_name
from sim.workload.dualpipe import Group, dualpipe_groups, dualpipe_routes, dualpipev_groups
from sim.workload.schedules import Op, Order, Route, gpipe, interleaved, looped_routes, one_forward_one_backward
from sim.workload.zero_bubble import PassTimes, zb_1p, zb_2p, zb_h1, zb_h2
from sim.workload.zero_bubble_v import v_routes, zb_v

Routes = Callable[[int, int, int], tuple[Route, ...]]
Plain = Callable[[int, int, int], Order]
Grouped = Callable[[int, int, int], tuple[tuple[Group, ...], ...]]
Timed = Callable[[int, int, int, PassTimes, float], Order]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of schedule: its order, the routes of its microbatches, the chunks a stage holds (0: any number).

    split: weight gradients are operations of their own. timed: an order that follows from durations, instead of order.
    groups: operations that run as a unit, instead of order. copies: how many times the stages together hold the model.
    least: microbatches a stage that its implementation asks for.
    """

    routes: Routes
    chunks: int
    order: Plain | None = None
    timed: Timed | None = None
    groups: Grouped | None = None
    split: bool = False
    copies: int = 1
    least: int = 0


SCHEDULES: dict[str, Kind] = {
    "gpipe": Kind(order=gpipe, routes=looped_routes, chunks=1),
    "1f1b": Kind(order=one_forward_one_backward, routes=looped_routes, chunks=1),
    "interleaved": Kind(order=interleaved, routes=looped_routes, chunks=0),
    "zb-h1": Kind(order=zb_h1, routes=looped_routes, chunks=1, split=True),
    "zb-h2": Kind(order=zb_h2, routes=looped_routes, chunks=1, split=True),
    "zb-1p": Kind(timed=zb_1p, routes=looped_routes, chunks=1, split=True),
    "zb-2p": Kind(timed=zb_2p, routes=looped_routes, chunks=1, split=True),
    "zb-v": Kind(order=zb_v, routes=v_routes, chunks=2, split=True),
    "dualpipe": Kind(groups=dualpipe_groups, routes=dualpipe_routes, chunks=2, split=True, copies=2, least=2),
    "dualpipev": Kind(groups=dualpipev_groups, routes=v_routes, chunks=2, split=True, least=2),
}
"""Schedule kinds by name; add one here."""


class PipelineKey(NamedTuple):
    """What determines a pipeline; times and weight_share only for orders that follow from durations."""

    kind: str
    stages: int
    microbatches: int
    chunks: int
    times: PassTimes | None = None
    weight_share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A schedule for given numbers: the order of every stage, the route of every microbatch, whether W is apart.

    units: how many operations each unit of a stage has, empty where every operation runs by itself.
    """

    order: Order
    routes: tuple[Route, ...]
    split: bool
    units: tuple[tuple[int, ...], ...] = ()


def schedule_kind(name: str, chunks: int) -> Kind:
    """Return a kind by name.

    Raises UnknownNameError for one that is not there, LayoutError for chunks that it does not hold.
    """
    if name not in SCHEDULES:
        raise unknown_name("schedule", name, SCHEDULES, "parallelism.schedule.kind")
    kind = SCHEDULES[name]
    if kind.chunks not in (0, chunks):
        held = "one chunk" if kind.chunks == 1 else f"{kind.chunks} chunks"
        raise LayoutError(
            f"parallelism.schedule.chunks: {name} holds {held} a stage, got {chunks}; expected {kind.chunks}"
            + (", or kind 'interleaved'" if kind.chunks == 1 else "")
        )
    return kind


@lru_cache(maxsize=64)
def pipeline_of(key: PipelineKey) -> Pipeline:
    """Return a pipeline, its order checked; schedules are pure, so that they are remembered.

    Raises as `schedule_kind` does, and as the schedule itself for numbers of microbatches or stages it is not made for.
    """
    kind = schedule_kind(key.kind, key.chunks)
    shape = (key.stages, key.microbatches, key.chunks)
    units: tuple[tuple[int, ...], ...] = ()
    if kind.groups is not None:
        groups = kind.groups(*shape)
        order: Order = tuple(tuple(op for group in stage for op in group) for stage in groups)
        units = tuple(tuple(len(group) for group in stage) for stage in groups)
    elif kind.timed is not None:
        # Until durations are known all passes count the same.
        order = kind.timed(*shape, key.times or PassTimes(1.0, 1.0, 1.0, 0.0), key.weight_share)
    else:
        assert kind.order is not None, "a kind has one of the three"
        order = kind.order(*shape)
    routes = kind.routes(*shape)
    check_schedule(order, routes, kind.split)
    return Pipeline(order=order, routes=routes, split=kind.split, units=units)


def check_schedule(order: Order, routes: Sequence[Route], split: bool = False) -> None:
    """Raise LayoutError unless every microbatch runs F, B and W (if split) once, in that order, at each place."""
    kinds = "FBW" if split else "FB"
    before = dict(zip(kinds[1:], kinds, strict=False))
    expected: list[set[tuple[int, int]]] = [set() for _ in order]
    for microbatch, route in enumerate(routes):
        for stage, chunk in route:
            expected[stage].add((microbatch, chunk))
    for stage, ops in enumerate(order):
        done: dict[str, set[tuple[int, int]]] = {kind: set() for kind in kinds}
        for op in ops:
            kind, place = op.kind, (op.microbatch, op.chunk)
            if kind not in done or (kind in before and place not in done[before[kind]]):
                raise _wrong_turn(op, stage, before)
            done[kind].add(place)
        if len(ops) != len(kinds) * len(expected[stage]) or any(ran != expected[stage] for ran in done.values()):
            raise LayoutError(
                f"schedule: stage {stage} runs {len(ops)} operations, expected {len(expected[stage])} of each of "
                f"{', '.join(kinds)}, once"
            )


def _wrong_turn(op: Op, stage: int, before: Mapping[str, str]) -> LayoutError:
    names = {"F": "forward", "B": "backward", "W": "weight gradient"}
    if op.kind not in before:
        kinds = ", ".join(("F", *before))
        return LayoutError(f"schedule: stage {stage} runs a {names.get(op.kind, op.kind)}; expected {kinds}")
    return LayoutError(
        f"schedule: stage {stage} runs the {names[op.kind]} of {(op.microbatch, op.chunk)} "
        f"before its {names[before[op.kind]]}"
    )


def peak_in_flight(ops: Sequence[Op], weights: Sequence[float], weight_share: float | None = None) -> float:
    """Return the largest sum of weights[chunk] over microbatches whose activations a stage holds.

    From F to B; or, with a weight_share, that part of it until W.

    >>> peak_in_flight(one_forward_one_backward(4, 8, 1)[0], [1.0])
    4.0
    """
    change = {"F": 1.0, "B": -1.0} if weight_share is None else {"F": 1.0, "B": weight_share - 1, "W": -weight_share}
    changes = {(kind, chunk): weight * sign for kind, sign in change.items() for chunk, weight in enumerate(weights)}
    return max(accumulate((changes[kind, chunk] for kind, _, chunk in ops), initial=0.0))
