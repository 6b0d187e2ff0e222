"""What of a network is out, and what that means for a job: which nodes it cuts off, and how long steps take.

A condition numbers the lengths of steps by phase: 0 is that of the whole network, SEVERED that of a job whose ranks
have no path. In the step of a damaged network a node that has replaced another takes its place, as it does in the whole
network; only where that place itself is cut off are all nodes where they are.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from sim.cluster.fabric.arrays import Fabric, IntArray
from sim.cluster.health import Health
from sim.cluster.network import Network
from sim.cluster.parts import cable_names, cut_off, faults_of, parts_of, slow_faults, switch_names
from sim.errors import TopologyError
from sim.reliability.records import SHARED_COMPONENTS, FailureClass
from sim.workload.profile import StepProfile

SEVERED = -1
"""Condition of a job that has no path between its ranks."""

Seats = tuple[int, ...]
"""The node of each place of the job."""

StepsOf = Callable[[Network, Seats], Sequence[StepProfile]]
"""The step of every phase on a network, with the nodes of the job."""


class Lost(NamedTuple):
    """A part that is out, or keeps a fraction of its bandwidth: a nic or link by its endpoint, others by their name."""

    component: str
    endpoint: int
    name: str
    kept: float = 0.0


class Judge(Protocol):
    """Says what outages mean; the same question has the same answer."""

    def cut(self, lost: Collection[Lost], members: Seats) -> frozenset[int]:
        """Return the nodes, in the job or not, that the job cannot reach."""

    def condition(self, lost: Collection[Lost], seats: Seats) -> int:
        """Return the condition of a job on nodes none of which is cut off."""

    def step_us(self, condition: int) -> tuple[int, ...]:
        """Return how long steps take under a condition other than SEVERED, by phase."""


class GraphJudge:
    """Judges by the graph: the step of every damaged network is simulated once, as that of the whole one was.

    planned: the steps of the whole network, none where the step time was given: then damage that cuts nothing off costs
    nothing, as nothing says what the network carries. nic_ports: endpoints of a NIC. Routes are taken to converge at
    once, and a connection whose only path is gone to break at once.
    """

    def __init__(
        self, network: Network, nodes: int, nic_ports: int, planned: Sequence[StepProfile], steps_of: StepsOf
    ) -> None:
        self.network = network
        self.nodes = nodes
        self.nic_ports = nic_ports
        self.profiles: list[tuple[StepProfile, ...]] = [tuple(planned)]
        self._steps_of = steps_of
        self._whole = parts_of(network.fabric)
        self._parts: dict[frozenset[Lost], IntArray] = {}
        self._conditions: dict[tuple[frozenset[Lost], Seats], int] = {}
        self._damaged: tuple[frozenset[Lost], Network] = (frozenset(), network)

    def cut(self, lost: Collection[Lost], members: Seats) -> frozenset[int]:
        """Return the nodes that the job cannot reach."""
        if not lost:
            return frozenset()
        key = frozenset(lost)
        if key not in self._parts:
            self._parts[key] = parts_of(self._without(key).fabric)
        node = self.network.cluster.node
        return cut_off(self._whole, self._parts[key], members, node.nics, node.accelerators)

    def condition(self, lost: Collection[Lost], seats: Seats) -> int:
        """Return the number of the steps on what is left of the network."""
        if not lost or not self.profiles[0]:
            return 0
        shared = frozenset(each for each in lost if each.component in SHARED_COMPONENTS)
        first = tuple(range(self.nodes))
        places = seats if self.cut(shared, first) & {*first} else first
        key = shared | self._moved(lost, seats, places), places
        if not key[0]:
            return 0
        if key not in self._conditions:
            self._conditions[key] = self._judged(*key)
        return self._conditions[key]

    def step_us(self, condition: int) -> tuple[int, ...]:
        """Return how long steps take."""
        return tuple(max(1, round(profile.step_time_ns / 1000)) for profile in self.profiles[condition])

    def _moved(self, lost: Collection[Lost], seats: Seats, places: Seats) -> frozenset[Lost]:
        """Return what the ports of the job's nodes keep, as those of the places that the nodes have taken."""
        nics = self.network.cluster.node.nics
        place_of = dict(zip(seats, places, strict=True))
        kept: dict[int, float] = {}
        for each in lost:
            for port in (port for port in self._ports(each) if port // nics in place_of):
                kept[port] = kept.get(port, 1.0) * each.kept
        return frozenset(
            Lost("link", place_of[port // nics] * nics + port % nics, "", left) for port, left in kept.items()
        )

    def _ports(self, lost: Lost) -> range:
        """Return the endpoints that are lost with a NIC or a link."""
        if lost.component in SHARED_COMPONENTS:
            return range(0)
        ports = self.nic_ports if lost.component == "nic" else 1
        return range(lost.endpoint * ports, (lost.endpoint + 1) * ports)

    def _judged(self, lost: frozenset[Lost], places: Seats) -> int:
        try:
            profiles = tuple(self._steps_of(self._without(lost), places))
        except TopologyError:
            return SEVERED
        if profiles not in self.profiles:
            self.profiles.append(profiles)
        return self.profiles.index(profiles)

    def _without(self, lost: frozenset[Lost]) -> Network:
        if self._damaged[0] != lost:
            before, names = self.network.cluster.health, self.network.fabric.endpoints
            vertices = {each.name for each in lost if each.name and each.component != "cable"}
            vertices |= {names[port] for each in lost if not each.kept for port in self._ports(each)}
            cables = [each.name for each in lost if each.component == "cable"]
            slow = sorted((names[port], each.kept) for each in lost if each.kept for port in self._ports(each))
            faults = (*before.faults, *faults_of(vertices, cables), *slow_faults(slow))
            health = Health(faults=faults, seed=before.seed)
            self._damaged = lost, self.network.changed(health=health)
        return self._damaged[1]


def wired(classes: Sequence[FailureClass], fabric: Fabric, judge: Judge, nodes: int) -> tuple[FailureClass, ...]:
    """Return failure classes with the names of the network's switches and cables, and whether one of them stops a job.

    nodes: of the job. One of a class stands for all of it, as they are alike in a symmetric network: of leaves and
    ports the first that serves the job.
    """
    switches = switch_names(fabric)
    named = [
        replace(each, names=cable_names(fabric) if each.component == "cable" else switches[each.component])
        if each.component in SHARED_COMPONENTS
        else each
        for each in classes
    ]
    return tuple(replace(each, stops=_stops(each, fabric, judge, nodes)) if each.of_network else each for each in named)


def _stops(failure: FailureClass, fabric: Fabric, judge: Judge, nodes: int) -> bool:
    if failure.component in SHARED_COMPONENTS and not failure.names:
        return False
    name = failure.names[0] if failure.names else ""
    if failure.component == "leaf" and fabric.leaf.size and fabric.leaf[0] >= 0:
        name = fabric.switches[int(fabric.leaf[0])]
    job = tuple(range(nodes))
    return bool(judge.cut([Lost(failure.component, 0, name)], job) & {*job})
