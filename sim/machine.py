"""From a scenario to the machine that runs it: the wired cluster, its network, its front end, and who sits where."""

from dataclasses import dataclass, replace

from sim import catalog
from sim.cluster.bom import bill_of_materials, combined
from sim.cluster.build import build_cluster
from sim.cluster.domains import failure_domains
from sim.cluster.front_end import FrontEnd, build_front_end, front_end_materials
from sim.cluster.health import HEALTHY
from sim.cluster.network import Network
from sim.cluster.placement import ORDER, in_order, placed
from sim.cluster.records import BomLine, Cluster, GpuArray, NetworkSettings
from sim.errors import ScenarioError
from sim.reliability.failures.domains import DomainsOf
from sim.scenario.records import FrontEndChoice, Machines, Scenario
from sim.workload.layout import Layout

ROUTING = {"infiniband": "adaptive", "ethernet": "ecmp"}
"""Routing by technology where a scenario does not choose: InfiniBand routes adaptively, plain RoCE hashes."""

QUEUE_PAIRS = 4
"""Queue pairs of a connection where a scenario does not choose (a usual setting of hashed fabrics; assumed)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A built cluster and its network, wired once and shared by all phases.

    front_end: what leads to the store; None where the compute fabric does.
    """

    cluster: Cluster
    network: Network
    settings: NetworkSettings
    front_end: FrontEnd | None = None


def build_machine(scenario: Scenario, allow_plugins: bool = False) -> Machine | None:
    """Return the cluster of a scenario, None where it has no topology (a reliability study)."""
    asked = scenario.machines
    if asked.topology is None:
        return None
    node, total = asked.node, asked.nodes + asked.spare_nodes
    topology = asked.topology
    cluster = build_cluster(topology.kind, topology.arguments, node, asked.accelerator, total, allow_plugins)
    cluster = replace(cluster, health=asked.health or HEALTHY)
    settings = NetworkSettings(
        sharing=asked.network.sharing or "max-min",
        routing=asked.network.routing or ROUTING[node.network_technology],
        queue_pairs=asked.network.queue_pairs or QUEUE_PAIRS,
        seed=scenario.seed,
        in_network_reduction=asked.network.in_network_reduction,
        algorithms=asked.network.algorithms,
    )
    front_end = None if asked.front_end is None else _front_end(asked.front_end, total, allow_plugins)
    return Machine(cluster=cluster, network=Network(cluster, settings), settings=settings, front_end=front_end)


def _front_end(asked: FrontEndChoice, nodes: int, allow_plugins: bool) -> FrontEnd:
    """Return the front end of so many nodes, job and spare."""
    topology = asked.topology
    return build_front_end(topology.kind, topology.arguments, asked.ports, nodes, asked.technology, allow_plugins)


def domains_in(asked: Machines, machine: Machine | None) -> DomainsOf:
    """Return what says which failure domains of a kind there are, and the nodes of each, spares included."""
    nodes, sizes = asked.nodes + asked.spare_nodes, dict(asked.domains)
    return lambda kind: failure_domains(kind, nodes, sizes, None if machine is None else machine.cluster)


def materials(machine: Machine) -> tuple[BomLine, ...]:
    """Return the bill of materials of a machine, servers and the front end included."""
    node = machine.cluster.node
    bill = bill_of_materials(
        machine.cluster.graph,
        technology=node.network_technology,
        switches=catalog.switches(),
        cables=catalog.cables(),
        node=node,
        nodes=machine.cluster.nodes,
    )
    if machine.front_end is None:
        return bill
    return combined((*bill, *front_end_materials(machine.front_end, catalog.switches(), catalog.cables())))


def placed_ranks(scenario: Scenario, layout: Layout, cluster: Cluster) -> GpuArray:
    """Return the GPU of each rank: placed as asked, numbered in the layout's order, or else in that of its software."""
    assert scenario.training is not None, "ranks train a model"
    order = layout.order or tuple(scenario.training.software.rank_order.split("-"))
    gpus = placed(scenario.machines.placement, layout.gpus, cluster, scenario.seed)
    return in_order(gpus, {name: getattr(layout, name) for name in ORDER}, order)


def check_algorithms(network: Network) -> None:
    """Raise ScenarioError for an algorithm that was asked for and that no collective of the job could take."""
    for kind, name in network.unused_algorithms:
        raise ScenarioError(
            f"cluster.network.algorithm.{kind}: '{name}' fits none of this job's groups, or none of its phases runs "
            f"{kind}; expected none, or another algorithm"
        )
