"""The plain longest path of a step: its operations and messages as a graph, without a clock, a queue or a structure.

It reads orders and routes as the schedules give them and shares with the engine nothing but durations, so that a wrong
place, source, boundary or turn in either shows. No gathers or reductions, no slow-down, no shared NIC.
"""

from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from typing import NamedTuple

from sim.workload.fusion import fused, joined
from sim.workload.operations import OpCost
from sim.workload.pipelines import Pipeline, PipelineKey, pipeline_of
from sim.workload.schedules import Op
from sim.workload.step_plan import StepPlan


class Node(NamedTuple):
    """The unit-th unit of operations of a stage, or a message that it sends: "F" forward, "B" backward."""

    stage: int
    unit: int
    message: str = ""


def longest_path_ns(plan: StepPlan) -> int:
    """Return the step: the longest path, then optimizer and overhead."""
    weights, before = graph(plan)
    ends: dict[Node, int] = {}
    for node in TopologicalSorter(before).static_order():
        ends[node] = max((ends[one] for one in before[node]), default=0) + weights[node]
    return max(ends[node] for node in ends if not node.message) + max(plan.optimizer_ns) + plan.overhead_ns


def graph(plan: StepPlan) -> tuple[dict[Node, int], dict[Node, list[Node]]]:
    """Return nanoseconds by node, and what each node comes after: its inputs, its stage, its NIC."""
    key = (plan.schedule, plan.stages, plan.microbatches, plan.chunks, plan.times, plan.weight_share)
    pipeline = pipeline_of(PipelineKey(*key))
    where = {
        (op.kind, op.microbatch, stage, op.chunk): (stage, number)
        for stage in range(plan.stages)
        for number, unit in enumerate(units(pipeline, stage))
        for op in unit
    }
    weights: dict[Node, int] = {}
    before: dict[Node, list[Node]] = {}
    for stage in range(plan.stages):
        last: list[Node] = []
        sent: list[Node] = []
        for number, unit in enumerate(units(pipeline, stage)):
            node = Node(stage, number)
            weights[node] = unit_cost(plan, stage, unit).duration_ns
            before[node] = last + [one for op in unit for one in inputs(pipeline, op, stage, where)]
            last = [node]
            for kind, boundary in messages(plan, pipeline, unit, stage):
                message = Node(stage, number, kind)
                weights[message] = plan.boundary_ns[boundary]
                before[message] = [node, *sent]
                sent = [message]
                last = [node, message] if plan.blocking_send else [node]
    return weights, before


def units(pipeline: Pipeline, stage: int) -> Iterator[tuple[Op, ...]]:
    """Yield the operations of a stage, those that run as one together."""
    order, at = pipeline.order[stage], 0
    for length in pipeline.units[stage] if pipeline.units else (1,) * len(order):
        yield order[at : at + length]
        at += length


def unit_cost(plan: StepPlan, stage: int, unit: tuple[Op, ...]) -> OpCost:
    costs = {"F": plan.forward, "B": plan.backward, "W": plan.weight}
    parts = [costs[op.kind][stage][op.chunk] for op in unit]
    return fused(parts[0], joined(*parts[1:])) if len(parts) == 3 else joined(*parts)


def neighbour(pipeline: Pipeline, op: Op, stage: int, step: int) -> tuple[int, int] | None:
    """Return the place so many steps further on the way of an operation's microbatch: down forward, up backward."""
    route = pipeline.routes[op.microbatch]
    at = route.index((stage, op.chunk)) + (step if op.kind == "F" else -step)
    return route[at] if 0 <= at < len(route) else None


def inputs(
    pipeline: Pipeline, op: Op, stage: int, where: Mapping[tuple[str, int, int, int], tuple[int, int]]
) -> Iterator[Node]:
    """Yield what an operation waits for: a message, or a unit where the place before is on its own stage."""
    place = None if op.kind == "W" else neighbour(pipeline, op, stage, -1)
    if place:
        node = Node(*where[op.kind, op.microbatch, *place])
        yield node if place[0] == stage else node._replace(message=op.kind)


def messages(plan: StepPlan, pipeline: Pipeline, unit: tuple[Op, ...], stage: int) -> Iterator[tuple[str, int]]:
    """Yield kind and boundary of the messages a unit sends: gradients first."""
    for op in sorted(unit, key=lambda op: op.kind):
        place = None if op.kind == "W" else neighbour(pipeline, op, stage, 1)
        if place and place[0] != stage:
            around = {place[0], stage} == {0, plan.stages - 1} and plan.stages > 2
            yield op.kind, plan.stages - 1 if around else min(place[0], stage)
