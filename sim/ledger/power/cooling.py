"""What liquid cooling does to the power of nodes: fans leave, pumps of coolant distribution units enter."""

from dataclasses import replace

from sim.catalog.records import Cooling, Node
from sim.errors import PriceError


def cooled(node: Node, cooling: Cooling) -> Node:
    """Return a node as it is cooled: the powers of nodes in the catalog are those with air and its fans.

    Fans draw fan_fraction of the nameplate when the node is busy, and as much less when it is idle as the rest of its
    overhead; pumps run at their design flow whatever the node does, pump_w_per_w of the nameplate that is left. Nodes
    that are sold for liquid have no fans to lose. Assumption: the speed of GPUs is the same. Raises PriceError for fans
    that would draw more than the overhead.

    >>> from sim import catalog
    >>> node = cooled(catalog.node("dgx-h100"), catalog.load_cooling("dlc"))
    >>> round(node.nameplate_w)
    9066
    """
    fans_w = 0.0 if node.liquid_cooled else cooling.fan_fraction * node.nameplate_w
    pumps_w = cooling.pump_w_per_w * (node.nameplate_w - fans_w)
    kept = 1 - fans_w / node.overhead_busy_w if fans_w else 1.0
    if kept < 0:
        raise PriceError(
            f"cluster.cooling '{cooling.name}': fans of node '{node.name}' would draw {fans_w:,.0f} W; expected at "
            f"most its overhead of {node.overhead_busy_w:,.0f} W"
        )
    return replace(
        node,
        nameplate_w=node.nameplate_w - fans_w + pumps_w,
        overhead_busy_w=node.overhead_busy_w * kept + pumps_w,
        overhead_idle_w=node.overhead_idle_w * kept + pumps_w,
    )
