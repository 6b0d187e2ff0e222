"""[cluster.front_end]: the network of its own over which nodes reach the store."""

from typing import Annotated

from pydantic import BaseModel

from sim.cluster.front_end import STORAGE_PLACEMENTS, Ports
from sim.errors import ScenarioError
from sim.scenario.fields import Bandwidth, Count, OneOf
from sim.scenario.laws import CLOSED
from sim.scenario.records import FrontEndChoice
from sim.scenario.topology import TopologyForm, topology_of

WHERE = "cluster.front_end"

TECHNOLOGIES = ("ethernet", "infiniband")
"""Of the catalog's switches."""


class FrontEndForm(BaseModel):
    """[cluster.front_end]: nodes (job and spare) and ports of the store on a network beside the compute fabric.

    nics: of a node, on this network. topology: any family; its endpoints follow from nodes x nics and storage_ports.
    storage_port_bandwidth: by default a NIC's. storage_placement: "packed", the store's ports after the last node, or
    "spread", evenly among the nodes. technology: of the switches, by default that of the node's compute fabric.
    """

    model_config = CLOSED
    nics: Count = 1
    nic_bandwidth: Bandwidth
    topology: TopologyForm
    storage_ports: Count
    storage_port_bandwidth: Bandwidth | None = None
    storage_placement: Annotated[str, OneOf(what="storage placement", known=STORAGE_PLACEMENTS)] = "packed"
    technology: Annotated[str, OneOf(what="technology", known=TECHNOLOGIES)] | None = None


def front_end_of(form: FrontEndForm | None, storage: str | None, technology: str) -> FrontEndChoice | None:
    """Return the front end that a scenario asks for, None where it has none; technology: of the compute fabric.

    Raises ScenarioError where there is no store that it could lead to, or its ports do not fill places of a node.

    >>> form = FrontEndForm(nic_bandwidth="200 Gbit/s", topology={"kind": "leaf-spine"}, storage_ports=8)
    >>> front_end_of(form, "nvme-server", "infiniband").ports.storage_port_bandwidth_bytes_per_s
    25000000000.0
    """
    if form is None:
        return None
    if storage is None:
        raise ScenarioError(f"{WHERE}: leads to no store; expected cluster.storage, or no {WHERE}")
    if form.storage_ports % form.nics:
        raise ScenarioError(
            f"{WHERE}.storage_ports: got {form.storage_ports:,}, expected a multiple of nics = {form.nics}: the "
            "store's ports take places of nodes in the topology"
        )
    return FrontEndChoice(
        topology=topology_of(form.topology, f"{WHERE}.topology"),
        ports=Ports(
            nics=form.nics,
            nic_bandwidth_bytes_per_s=form.nic_bandwidth,
            storage_ports=form.storage_ports,
            storage_port_bandwidth_bytes_per_s=form.storage_port_bandwidth or form.nic_bandwidth,
            storage_placement=form.storage_placement,
        ),
        technology=form.technology or technology,
    )
