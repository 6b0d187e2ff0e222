"""From the form to the machines: nodes, their network and store."""

from dataclasses import replace
from pathlib import Path

from sim import catalog
from sim.catalog.gemm_table import read_gemm_table
from sim.catalog.records import Accelerator, Node
from sim.errors import InputError, ScenarioError
from sim.ledger.power.cooling import cooled
from sim.scenario.faults.domains import sizes_of
from sim.scenario.form import ClusterForm
from sim.scenario.front_end import front_end_of
from sim.scenario.lookup import look_up
from sim.scenario.records import Machines, NetworkChoice
from sim.scenario.speed import SpeedForm, swing_of
from sim.scenario.topology import topology_of
from sim.workload.gemm_refit import with_measured_gemm
from sim.workload.stragglers import Speed


def machines_of(form: ClusterForm) -> Machines:
    """Return the machines of a scenario. Raises UnknownNameError for what the catalog does not hold, InputError.

    >>> machines_of(ClusterForm(node="dgx-h100", nodes=2)).gpus
    16
    """
    whole = look_up(catalog.node, form.node, "cluster.node")
    cooling = look_up(catalog.load_cooling, form.cooling, "cluster.cooling")
    if cooling.cdu_w:
        whole = cooled(whole, cooling)
    node = _with_ports(_part_of_domains(_part_of_node(whole, form.node_gpus), form.domain_gpus), form.nic_ports)
    _check_queue_pairs(form, node)
    _check_reduction(form, node)
    accelerator = _accelerator(form, node)
    return Machines(
        node=node,
        accelerator=accelerator,
        nodes=form.nodes,
        spare_nodes=form.spare_nodes,
        topology=None if form.topology is None else topology_of(form.topology),
        placement=form.placement.kind,
        network=NetworkChoice(
            sharing=form.network.sharing,
            routing=form.network.routing,
            queue_pairs=form.network.queue_pairs,
            in_network_reduction=form.network.in_network_reduction,
            algorithms=tuple(sorted(form.network.algorithm.items())),
        ),
        storage=None if form.storage is None else look_up(catalog.storage, form.storage, "cluster.storage"),
        front_end=front_end_of(form.front_end, form.storage, node.network_technology),
        speed=speed_of(form.speed, accelerator, form.nodes),
        nic_ports=form.nic_ports,
        domains=sizes_of(form.domains),
        swing=swing_of(form.speed.diurnal),
        cooling=cooling if cooling.cdu_w else None,
    )


def speed_of(form: SpeedForm, accelerator: Accelerator, nodes: int) -> Speed:
    """Return how GPUs differ. Raises ScenarioError for a slow node that is none of the job's, or is said twice.

    >>> speed_of(SpeedForm(slow_nodes=[{"node": 1, "factor": 1.2}]), catalog.accelerator("h100-sxm"), 2).slow_nodes
    ((1, 1.2),)
    """
    slow = tuple((each.node, each.factor) for each in form.slow_nodes)
    seen: set[int] = set()
    for i, (node, _) in enumerate(slow):
        if node >= nodes:
            raise ScenarioError(
                f"cluster.speed.slow_nodes.{i}.node: got {node:,}, expected 0 to {nodes - 1:,}, a node of the job; "
                f"nearest is {nodes - 1:,}"
            )
        if node in seen:
            raise ScenarioError(
                f"cluster.speed.slow_nodes.{i}.node: got {node:,} a second time, expected each node once"
            )
        seen.add(node)
    default = 0.0 if form.distribution == "none" else accelerator.speed_spread
    return Speed(
        distribution=form.distribution,
        spread=default if form.spread is None else form.spread,
        slow_nodes=slow,
        throttled=form.throttle.fraction if form.throttle else 0.0,
        throttle_factor=form.throttle.factor if form.throttle else 1.0,
    )


def _part_of_node(node: Node, gpus: int | None) -> Node:
    """Return a node of which a job holds a part: so many GPUs, with their share of the NICs."""
    if gpus is None or gpus == node.accelerators:
        return node
    if gpus > node.accelerators or node.accelerators % gpus or node.scale_up_domain != node.accelerators:
        raise ScenarioError(
            f"cluster.node_gpus: got {gpus}, expected a divisor of the {node.accelerators} GPUs of '{node.name}' "
            "(of a node that is a scale-up domain of its own)"
        )
    nics = max(1, node.nics * gpus // node.accelerators)
    return replace(node, accelerators=gpus, scale_up_domain=gpus, nics=nics)


def _with_ports(node: Node, ports: int) -> Node:
    """Return a node whose NICs have several ports; an endpoint of the network is one port, with its part of a NIC."""
    if ports > 1 and node.nics * ports % node.accelerators:
        raise ScenarioError(
            f"cluster.nic_ports: got {ports}, expected whole ports for each of the {node.accelerators} GPUs of "
            f"'{node.name}' with its {node.nics} NICs"
        )
    return replace(node, nics=node.nics * ports, nic_bandwidth_bytes_per_s=node.nic_bandwidth_bytes_per_s / ports)


def _part_of_domains(node: Node, gpus: int | None) -> Node:
    """Return a node whose scale-up domain holds as many GPUs of this cluster as are said; it leaves out the others.

    Racks of 72 are often used 64 at a time, so that groups of 2^n do not straddle them.
    """
    if gpus is None:
        return node
    if gpus > node.scale_up_domain or gpus % node.accelerators:
        raise ScenarioError(
            f"cluster.domain_gpus: got {gpus}, expected a multiple of the {node.accelerators} GPUs of a node, "
            f"at most the {node.scale_up_domain} of a scale-up domain of '{node.name}'"
        )
    return replace(node, scale_up_domain=gpus)


def _accelerator(form: ClusterForm, node: Node) -> Accelerator:
    """Return the node's accelerator, with the user's measured products if there is a table of them."""
    accelerator = catalog.accelerator(node.accelerator)
    if form.gemm_table is None:
        return accelerator
    try:
        return with_measured_gemm(accelerator, read_gemm_table(Path(form.gemm_table).expanduser()))
    except InputError as error:
        raise type(error)(f"cluster.gemm_table: {error}") from error


def _check_queue_pairs(form: ClusterForm, node: Node) -> None:
    """Refuse queue pairs that nothing hashes: without a routing, the technology of the network decides."""
    network = form.network
    if network.queue_pairs is not None and network.routing is None and node.network_technology != "ethernet":
        raise ScenarioError(
            f"cluster.network.queue_pairs: {node.network_technology} of '{node.name}' routes adaptively and hashes "
            "none; expected no queue_pairs, or routing 'ecmp'"
        )


def _check_reduction(form: ClusterForm, node: Node) -> None:
    """Refuse reduction in a network none of whose switches can add."""
    able = {switch.technology for switch in catalog.switches() if switch.in_network_reduction}
    if form.network.in_network_reduction and node.network_technology not in able:
        raise ScenarioError(
            f"cluster.network.in_network_reduction: switches of {node.network_technology}, which '{node.name}' plugs "
            f"into, only pass packets on; expected false, or a node with {' or '.join(sorted(able))}"
        )
