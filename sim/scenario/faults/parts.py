"""How many components of a sort a node holds."""

from sim.catalog.records import Node
from sim.errors import ScenarioError

UNCOUNTED = ("nvlink", "psu", "ssd")
"""Parts of a node that its record does not count."""


def per_node(component: str, node: Node, nic_ports: int, stated: int | None, where: str) -> int:
    """Return the components of a sort in one node: as its record counts them, or else as stated.

    A link is the host link of a port of a NIC; an hbm is all stacks of one GPU unless stated otherwise. Raises
    ScenarioError for a part that nothing counts, and for a count that follows from the node.
    """
    counts = {
        "gpu": node.accelerators,
        "hbm": node.accelerators,
        "nic": node.nics // nic_ports,
        "link": node.nics,
        "cpu": node.cpus,
    }
    if stated is None:
        if component in UNCOUNTED:
            raise ScenarioError(
                f"{where}: got no per_node; the record of '{node.name}' does not count its {component}s, expected "
                "per_node, such as per_node = 8"
            )
        return counts.get(component, 1)
    if component not in (*UNCOUNTED, "hbm"):
        raise ScenarioError(
            f"{where}: got per_node {stated}, but a {component} is counted by itself: {counts.get(component, 1)}; "
            f"expected per_node only of {', '.join(('hbm', *UNCOUNTED))}"
        )
    return stated
